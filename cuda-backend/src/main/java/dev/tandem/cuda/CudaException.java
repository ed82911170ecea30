package dev.tandem.cuda;

/** A call of CUDA or one of its libraries failed. The message names the call, the status and its meaning, and the operation. */
public final class CudaException extends RuntimeException {
  private static final long serialVersionUID = 1;

  public CudaException(String message) {
    super(message);
  }

  public CudaException(String message, Throwable cause) {
    super(message, cause);
  }
}
