package dev.tandem.examples;

import dev.tandem.core.nn.Linear;

/** Fails once its training has begun. */
final class Failing implements Example {
  @Override
  public String name() {
    return "failing";
  }

  @Override
  public String description() {
    return "fails";
  }

  @Override
  public void run(Session session) {
    session.begin(new Linear(1, 1).on(session.device(), 1), "no samples");
    throw new IllegalArgumentException("first line\n  second line");
  }
}
