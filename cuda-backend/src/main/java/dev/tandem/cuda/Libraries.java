package dev.tandem.cuda;

/** Finds and loads CUDA's libraries. */
final class Libraries {
  private Libraries() {
  }

  /** Versions, for people. */
  static String describe() {
    return "CUDA";
  }
}
