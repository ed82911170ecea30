package dev.tandem.cpu;

/**
 * The gradient by the image along one axis. Input position y receives output position r through tap a when {@code r *
 * stride + a * dilation = y + padding}. Positions with the same remainder of {@code y + padding} by the stride receive
 * through the same taps: a phase. Within a phase the taps are evenly spaced and so are the output positions, so that
 * each phase is an ordinary convolution of the output gradient, with the taps in reverse order.
 */
final class ConvPhases {
  /**
   * @param first the lowest input position of the phase, at least 0
   * @param tap the lowest tap
   * @param tapStep from one tap of the phase to the next
   * @param count taps of the phase, perhaps none
   * @param before taps of all earlier phases
   * @param outputStep output positions from one tap to the next
   * @param start output position that {@code first} receives through its highest tap; may lie outside
   */
  record Phase(int first, int tap, int tapStep, int count, int before, int outputStep, int start) {
    int highestTap() {
      return tap + (count - 1) * tapStep;
    }

    /** The place of tap {@code a} in reverse order. */
    int flipped(int a) {
      return count - 1 - (a - tap) / tapStep;
    }
  }

  private final Phase[] phases;
  private final int stride;
  private final int padding;
  private final int dilation;
  private final int kernel;

  ConvPhases(int stride, int padding, int dilation, int kernel) {
    this.stride = stride;
    this.padding = padding;
    this.dilation = dilation;
    this.kernel = kernel;
    phases = new Phase[stride];
    int tapStep = stride / gcd(stride, dilation);
    int outputStep = dilation / gcd(stride, dilation);
    int before = 0;
    for (int residue = 0; residue < stride; residue++) {
      int tap = 0;
      while (tap < kernel && (long) tap * dilation % stride != residue) {
        tap++;
      }
      int count = tap == kernel ? 0 : (kernel - 1 - tap) / tapStep + 1;
      int first = Math.floorMod(residue - padding, stride);
      long start = Math.floorDiv(first + padding - (long) tap * dilation, stride) - (count - 1L) * outputStep;
      phases[residue] = new Phase(first, tap, tapStep, count, before, outputStep, Math.toIntExact(start));
      before += count;
    }
  }

  private static int gcd(int a, int b) {
    return b == 0 ? a : gcd(b, a % b);
  }

  Phase[] phases() {
    return phases;
  }

  /** Whether some positions receive nothing. */
  boolean leavesOut() {
    for (Phase p : phases) {
      if (p.count == 0) {
        return true;
      }
    }
    return false;
  }

  Phase ofTap(int tap) {
    return phases[(int) ((long) tap * dilation % stride)];
  }

  /** At or below the lowest output position that input positions from {@code from} on receive; may lie outside. */
  int lowest(int from) {
    return (int) Math.floorDiv(from + padding - (kernel - 1L) * dilation, (long) stride);
  }

  /** The highest output position that input positions below {@code to} receive; may lie outside. */
  int highest(int to) {
    return (int) ((to - 1L + padding) / stride);
  }

  /** Taps of all pairs of phases before this one, row by row, in a kernel of {@code columns} columns. */
  static long tapsBefore(Phase down, Phase across, int columns) {
    return (long) down.before * columns + (long) down.count * across.before;
  }
}
