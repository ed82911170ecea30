package dev.tandem.core.pointwise;

import java.util.Arrays;
import java.util.List;

/**
 * What the host hands a program at launch: argument values and the Philox key. Fixed in a replay; a number that changes from step
 * to step is an operand of one element instead. A gradient program takes the launch of its forward program.
 */
public record Launch(List<Double> arguments, long key) {
  public static final Launch NONE = new Launch(List.of(), 0);

  public Launch {
    arguments = List.copyOf(arguments);
  }

  public static Launch of(double... arguments) {
    return new Launch(Arrays.stream(arguments).boxed().toList(), 0);
  }

  public static Launch random(long key) {
    return new Launch(List.of(), key);
  }

  /** Argument {@code i} as a FLOAT register gets it: rounded to fp32 on every backend. */
  public float floatArgument(int i) {
    return (float) (double) arguments.get(i);
  }

  /** Argument {@code i} as an INT register gets it. */
  public int intArgument(int i) {
    return (int) (double) arguments.get(i);
  }
}
