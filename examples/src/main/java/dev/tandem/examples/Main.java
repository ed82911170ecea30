package dev.tandem.examples;

import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** {@code examples/run}: trains one of the {@link Example}s, or lists them. */
public final class Main {
  private static final int FAILED = 1;
  private static final int UNUSABLE = 2;

  private Main() {
  }

  public static void main(String[] arguments) {
    Restart.followParent();
    System.exit(run(arguments, System.out, System.err, Restart.missingFlags()));
  }

  /**
   * @return the exit status: 0 if the example ran to its end, 1 if it failed, 2 if the command line or the data cannot
   * be used
   */
  static int run(String[] arguments, PrintStream out, PrintStream err) {
    return run(arguments, out, err, List.of());
  }

  private static int run(String[] arguments, PrintStream out, PrintStream err, List<String> missingFlags) {
    // Before the command line is read: the JVM that is started reads it too, and the first step waits for both.
    if (!missingFlags.isEmpty() && arguments.length > 0) {
      try {
        return Restart.run(missingFlags, arguments);
      } catch (IOException | InterruptedException e) {
        return fail(err, e, FAILED, false);
      }
    }
    Options options;
    Example example;
    try {
      options = Options.parse(arguments);
      if (options.help || arguments.length == 0) {
        out.print(options.help ? Options.usage() : list());
        return 0;
      }
      example = named(options.name);
    } catch (InputException e) {
      return fail(err, e, UNUSABLE, false);
    }
    return run(example, options, out, err);
  }

  static int run(Example example, Options options, PrintStream out, PrintStream err) {
    if (options.threads != null) {
      // Read when the cpu device is opened.
      System.setProperty("tandem.threads", options.threads.toString());
    }
    Session session = null;
    try {
      session = new Session(example, options, out);
      example.run(session);
      return 0;
    } catch (Throwable e) {
      boolean begun = session != null && session.end();
      return fail(err, e, !begun && isAboutInput(e) ? UNUSABLE : FAILED, options.verbose);
    }
  }

  /** Until a training begins, what cannot be read or does not fit together is what the user gave. */
  private static boolean isAboutInput(Throwable e) {
    return e instanceof InputException || e instanceof IOException || e instanceof UncheckedIOException
        || e instanceof IllegalArgumentException;
  }

  private static int fail(PrintStream err, Throwable e, int status, boolean verbose) {
    String message = e instanceof IOException io ? InputException.reason(io) : e.getMessage();
    // What was not written for people says little without its type.
    boolean plain = message != null
        && !(e instanceof Error || e instanceof NullPointerException || e instanceof IndexOutOfBoundsException);
    err.println("error: " + (plain ? message : e.toString()).strip().replaceAll("\\s*\\R\\s*", " "));
    if (verbose) {
      e.printStackTrace(err);
    }
    return status;
  }

  private static Example named(@Nullable String name) {
    List<String> names = Example.all().stream().map(Example::name).toList();
    if (name == null) {
      throw new InputException("which example? There are " + String.join(", ", names));
    }
    return Example.all().stream().filter(e -> e.name().equals(name)).findFirst().orElseThrow(() -> {
      String suggestion = Spelling.suggestion(name, names);
      return new InputException("unknown example '" + name + "'"
          + (suggestion.isEmpty() ? "; there are " + String.join(", ", names) : suggestion));
    });
  }

  private static String list() {
    String examples = Example.all().stream().map(e -> "  %-12s %s%n".formatted(e.name(), e.description()))
        .collect(Collectors.joining());
    return "Examples, each started with examples/run NAME; -h explains the options:%n%n".formatted() + examples;
  }
}
