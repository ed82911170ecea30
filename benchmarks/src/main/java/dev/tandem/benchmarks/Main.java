package dev.tandem.benchmarks;

import java.io.IOException;
import java.util.Arrays;

/**
 * {@code benchmarks/run}: {@code steps ...} times training steps, {@code launches ...} compares fresh JVMs, {@code
 * overhead ...} tells the framework from its kernels, anything else is for JMH.
 */
public final class Main {
  private Main() {
  }

  public static void main(String[] arguments) throws IOException {
    if (arguments.length > 0 && arguments[0].equals("steps")) {
      System.exit(
          StepBenchmarks.run(Arrays.copyOfRange(arguments, 1, arguments.length), System.out, System.err));
    }
    if (arguments.length > 0 && arguments[0].equals("launches")) {
      System.exit(Launches.run(Arrays.copyOfRange(arguments, 1, arguments.length), System.out, System.err));
    }
    if (arguments.length > 0 && arguments[0].equals("overhead")) {
      System.exit(Overhead.run(Arrays.copyOfRange(arguments, 1, arguments.length), System.out, System.err));
    }
    org.openjdk.jmh.Main.main(arguments);
  }
}
