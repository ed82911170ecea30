package dev.tandem.examples;

import dev.tandem.core.op.Precision;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.MissingParameterException;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.OverwrittenOptionException;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.TypeConversionException;
import picocli.CommandLine.UnmatchedArgumentException;

/** The command line of {@code examples/run}. People and scripts rely on it. */
@Command(name = "examples/run", sortOptions = false, usageHelpAutoWidth = true,
    customSynopsis = "examples/run NAME [options]",
    description = "Trains one example.",
    footer = {"", "Exit status: 0 trained, 1 the training failed, 2 the command line or the data cannot be used."})
final class Options {
  private static final int MOST_THREADS = 1024;

  @Parameters(arity = "0..1", paramLabel = "NAME", description = "The example; without one, they are listed.")
  @Nullable String name;

  @Option(names = "--device", paramLabel = "NAME",
      description = "best, cpu, cuda or cuda:N (default: ${DEFAULT-VALUE}).") String device = "best";

  @Option(names = "--threads", paramLabel = "N", description = "Threads of the cpu device (default: one a processor).",
      converter = Count.class)
  @Nullable Integer threads;

  @Option(names = "--precision", paramLabel = "P",
      description = "How products are computed: fp32, tf32 or bf16 (default: ${DEFAULT-VALUE}).") Precision precision =
          Precision.FP32;

  @Option(names = "--epochs", paramLabel = "N", description = "Passes over the training data.", converter = Count.class)
  @Nullable Integer epochs;

  @Option(names = "--steps", paramLabel = "N", description = "End each epoch after N training steps.",
      converter = Count.class)
  @Nullable Integer steps;

  @Option(names = "--batch", paramLabel = "N", description = "Samples in a training step.", converter = Count.class)
  @Nullable Integer batch;

  @Option(names = "--seed", paramLabel = "N",
      description = "The same seed trains the same (default: ${DEFAULT-VALUE}).") long seed = 42;

  @Option(names = "--data", paramLabel = "DIR",
      description = "Folder of the full data (default: the sample in this program).")
  @Nullable Path data;

  @Option(names = "--dataset", paramLabel = "NAME",
      description = "Which data, where an example has a choice; a wrong name lists them.")
  @Nullable String dataset;

  @Option(names = "--output", paramLabel = "FILE",
      description = "Where to write what an example makes, such as a picture.")
  @Nullable Path output;

  @Option(names = "--metrics", paramLabel = "FILE", description = "Write a line of JSON after each epoch.")
  @Nullable Path metrics;

  @Option(names = "--checkpoint", paramLabel = "DIR", description = "Save the training after each epoch.")
  @Nullable Path checkpoint;

  @Option(names = "--resume", description = "Go on from the checkpoint, up to --epochs in all.") boolean resume;

  @Option(names = "--no-capture",
      description = "Run every step anew instead of replaying recorded ones.") boolean noCapture;

  @Option(names = "--verbose", description = "Show how steps ran, and where an error came from.") boolean verbose =
      Boolean.getBoolean("tandem.debug");

  @Option(names = {"-h", "--help"}, usageHelp = true, description = "Show this help.") boolean help;

  private Options() {
  }

  /** @throws InputException if there is an unknown option or a value that cannot be used */
  static Options parse(String... arguments) {
    var options = new Options();
    CommandLine line = commandLine(options);
    try {
      line.parseArgs(arguments);
    } catch (ParameterException e) {
      throw new InputException(message(e, line));
    }
    if (!options.help) {
      options.check();
    }
    return options;
  }

  static String usage() {
    return commandLine(new Options()).getUsageMessage();
  }

  private static CommandLine commandLine(Options options) {
    return new CommandLine(options).setCaseInsensitiveEnumValuesAllowed(true);
  }

  private static String message(ParameterException e, CommandLine line) {
    return switch (e) {
      case UnmatchedArgumentException u -> unmatched(u.getUnmatched().getFirst(), line);
      case MissingParameterException m when !m.getMissing().isEmpty() ->
          option(m.getMissing().getFirst()) + " needs a value";
      case OverwrittenOptionException o -> option(o.getOverwritten()) + " is given more than once";
      default -> e.getArgSpec() == null || e.getValue() == null
          ? String.valueOf(e.getMessage())
          : option(e.getArgSpec()) + " wants " + wanted(e.getArgSpec().type()) + ", not '" + e.getValue() + "'";
    };
  }

  private static String option(ArgSpec spec) {
    return spec instanceof OptionSpec o ? o.longestName() : spec.paramLabel();
  }

  private static String unmatched(String word, CommandLine line) {
    if (!word.startsWith("-")) {
      return "'" + word + "' is one word too many: one example, then options";
    }
    String option = word.split("=", 2)[0];
    List<String> known = List.copyOf(line.getCommandSpec().optionsMap().keySet());
    return "unknown option '" + option + "'" + Spelling.suggestion(option, known);
  }

  private static String wanted(Class<?> type) {
    if (type == Integer.class) {
      return "a whole number from 1 on";
    }
    if (type == long.class) {
      return "a whole number";
    }
    return type == Precision.class ? "fp32, tf32 or bf16" : "a path";
  }

  private void check() {
    if (threads != null && threads > MOST_THREADS) {
      throw new InputException("--threads wants at most " + MOST_THREADS + ", not " + threads);
    }
    if (resume && checkpoint == null) {
      throw new InputException("--resume needs --checkpoint DIR, the folder to resume from");
    }
    if (data != null && !Files.isDirectory(data)) {
      throw new InputException(
          "--data wants a folder, and " + data + (Files.exists(data) ? " is none" : " does not exist"));
    }
    if (output != null) {
      Path folder = output.toAbsolutePath().getParent();
      if (folder == null || !Files.isDirectory(folder) || Files.isDirectory(output)) {
        throw new InputException("--output wants a file in a folder that exists, and " + output + " is none");
      }
    }
  }

  /** What not every example understands. */
  void check(Example example) {
    List<String> datasets = example.datasets();
    if (dataset != null && datasets.isEmpty()) {
      throw new InputException(example.name() + " has no use for --dataset; leave it out");
    }
    if (dataset != null && !datasets.contains(dataset)) {
      String suggestion = Spelling.suggestion(dataset, datasets);
      throw new InputException(example.name() + " has no dataset '" + dataset + "'"
          + (suggestion.isEmpty() ? "; there are " + String.join(", ", datasets) : suggestion));
    }
    if (output != null && !example.hasOutput()) {
      throw new InputException(example.name() + " has no use for --output; leave it out");
    }
  }

  /** A number from 1 on. */
  static final class Count implements ITypeConverter<Integer> {
    @Override
    public Integer convert(String value) {
      int n = Integer.parseInt(value);
      if (n < 1) {
        throw new TypeConversionException(value);
      }
      return n;
    }
  }
}
