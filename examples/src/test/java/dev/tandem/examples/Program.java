package dev.tandem.examples;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.function.ToIntBiFunction;

/** What the program did: its exit status, and the lines it wrote. */
record Program(int status, List<String> out, List<String> err) {
  static Program run(String... arguments) {
    return of((out, err) -> Main.run(arguments, out, err));
  }

  static Program run(Example example, String... arguments) {
    return of((out, err) -> Main.run(example, Options.parse(arguments), out, err));
  }

  private static Program of(ToIntBiFunction<PrintStream, PrintStream> main) {
    var out = new ByteArrayOutputStream();
    var err = new ByteArrayOutputStream();
    int status = main.applyAsInt(new PrintStream(out, true, StandardCharsets.UTF_8),
        new PrintStream(err, true, StandardCharsets.UTF_8));
    return new Program(status, lines(out), lines(err));
  }

  private static List<String> lines(ByteArrayOutputStream bytes) {
    return bytes.toString(StandardCharsets.UTF_8).lines().toList();
  }
}
