package dev.tandem.benchmarks.work;

import java.util.Map;

/**
 * A library that does {@link Work}. Found with {@link java.util.ServiceLoader}; a constructor loads no native code, as
 * the process that asks for {@link #environment} is not the one that works.
 */
public interface Side {
  /** Short: {@code libtorch}. */
  String name();

  /** What it is and of which version, by name. Called after {@link #start}. */
  Map<String, String> versions();

  /** Whether it has a way to do this. */
  boolean supports(Work work, int threads);

  /**
   * Variables that its process wants for best speed.
   *
   * @param isAvx2 whether it shall use vectors of 256 bits only
   */
  Map<String, String> environment(int threads, boolean isAvx2);

  /** Called once in the process that works, before {@link #open}. */
  void start(int threads);

  /** @throws IllegalArgumentException if it does not {@link #supports support} the work */
  Task open(Work work);
}
