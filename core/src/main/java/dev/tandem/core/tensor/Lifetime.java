package dev.tandem.core.tensor;

/** A span of time that ends again and again, such as "step 7"; what was made in it cannot be used after it. */
final class Lifetime {
  private final String what;
  private long generation;

  Lifetime(String what, long first) {
    this.what = what;
    this.generation = first;
  }

  long generation() {
    return generation;
  }

  void end() {
    generation++;
  }

  String describe(long born) {
    return what + " " + born;
  }
}
