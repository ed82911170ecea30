package dev.tandem.core.shape;

/**
 * Operands that do not fit together in shape, dtype or device. Operations say what disagrees; the executor adds operands, device
 * and module path.
 */
public final class ShapeException extends IllegalArgumentException {
  private static final long serialVersionUID = 1;

  public ShapeException(String message) {
    super(message);
  }

  public ShapeException(String message, ShapeException cause) {
    super(message, cause);
  }

  /** Throws with {@code message} unless {@code ok}. For messages that cost nothing to build. */
  public static void require(boolean ok, String message) {
    if (!ok) {
      throw new ShapeException(message);
    }
  }
}
