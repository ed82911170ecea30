package dev.tandem.core.train;

import dev.tandem.core.tensor.HostCopy;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;

/**
 * Steps that the device was given and whose numbers are not on the host yet. Each is looked at when its numbers have arrived, in the
 * order of the steps, so that the host gives the next step instead of waiting for the last one. On a device that reads at once, none is
 * ever in flight.
 */
final class StepsInFlight implements AutoCloseable {
  /** Enough work for the device to go on while the host collects garbage or waits for data. */
  static final int MOST = 16;

  private record Step(List<HostCopy> numbers, Runnable arrived) {
    boolean isDone() {
      return numbers.stream().allMatch(HostCopy::isDone);
    }
  }

  private final Deque<Step> steps = new ArrayDeque<>();

  /**
   * Adds a step and looks at those that have arrived; waits only while more than {@link #MOST} have not.
   *
   * @param arrived looks at the numbers, which are on the host then
   */
  void add(List<HostCopy> numbers, Runnable arrived) {
    steps.add(new Step(numbers, arrived));
    while (!steps.isEmpty() && (steps.size() > MOST || steps.getFirst().isDone())) {
      steps.removeFirst().arrived().run();
    }
  }

  /** Looks at every step, waiting for all. */
  void finish() {
    while (!steps.isEmpty()) {
      steps.removeFirst().arrived().run();
    }
  }

  /** Waits for the steps that nobody will look at, because something went wrong. */
  @Override
  public void close() {
    while (!steps.isEmpty()) {
      steps.removeFirst().numbers().forEach(HostCopy::get);
    }
  }
}
