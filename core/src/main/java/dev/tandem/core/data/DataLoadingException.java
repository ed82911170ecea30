package dev.tandem.core.data;

/** A batch that could not be had; the message says which, the cause why. */
public final class DataLoadingException extends RuntimeException {
  private static final long serialVersionUID = 1;

  DataLoadingException(String message, Throwable cause) {
    super(message, cause);
  }
}
