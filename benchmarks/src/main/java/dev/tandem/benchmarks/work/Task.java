package dev.tandem.benchmarks.work;

import java.util.List;

/** Work that is ready to be done again and again. */
public interface Task {
  /** Does it once and waits until it is done. */
  void run();

  /**
   * Does it and says what came of it: the arrays that the kind of {@link Work} names, row-major, images {@code [N, C, H,
   * W]}. Called once and before {@link #run}, as some work changes its operands.
   */
  List<float[]> results();
}
