package dev.tandem.core.testing;

public final class Fixture {
  private Fixture() {}

  public static int feature() { return Runtime.version().feature(); }
}
