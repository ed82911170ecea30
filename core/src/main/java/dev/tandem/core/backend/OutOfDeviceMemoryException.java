package dev.tandem.core.backend;

/** A device has no memory left for a request. The device frees what it can and tries again before a user sees this. */
public final class OutOfDeviceMemoryException extends RuntimeException {
  private static final long serialVersionUID = 1;

  public OutOfDeviceMemoryException(String message) {
    super(message);
  }
}
