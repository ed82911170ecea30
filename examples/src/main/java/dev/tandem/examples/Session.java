package dev.tandem.examples;

import dev.tandem.core.data.DataLoader;
import dev.tandem.core.nn.Block;
import dev.tandem.core.op.Precision;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.train.Checkpoint;
import dev.tandem.core.train.EpochResult;
import dev.tandem.core.train.Epochs;
import dev.tandem.core.train.History;
import dev.tandem.core.train.Trainer;
import dev.tandem.core.train.TrainingListener;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * One run of an example as the command line asks for it. An example takes device, seed, sizes and data from here, and
 * {@link #fit} is {@link Trainer#fit} with progress, metrics and checkpoints around it.
 */
public final class Session {
  private final Example example;
  private final Options options;
  private final Console console;
  private final Device device;
  private @Nullable MetricsFile metrics;
  private boolean begun;

  /** @throws IllegalArgumentException if there is no such device */
  Session(Example example, Options options, PrintStream out) {
    this.example = example;
    this.options = options;
    console = Console.of(out);
    options.check(example);
    device = Device.of(options.device);
    if (!device.backend().supports(options.precision)) {
      throw new InputException("--precision " + options.precision + " is not available on " + device.name()
          + "; it computes in " + precisions(device));
    }
  }

  /** What to train on. */
  public Device device() {
    return device;
  }

  /** How a device can compute products: {@code fp32 or tf32}. */
  static String precisions(Device device) {
    return Arrays.stream(Precision.values()).filter(device.backend()::supports).map(Precision::toString)
        .collect(Collectors.joining(" or "));
  }

  /** How products are computed in training. */
  public Precision precision() {
    return options.precision;
  }

  /** What initial values and the order of samples depend on. */
  public long seed() {
    return options.seed;
  }

  /** Samples in a training step. */
  public int batch() {
    return options.batch != null ? options.batch : example.batch();
  }

  /** How long to train. */
  public Epochs length() {
    int epochs = options.epochs != null ? options.epochs : example.epochs();
    return new Epochs(epochs, options.steps != null ? options.steps : Integer.MAX_VALUE);
  }

  /** Training steps in all, for schedules that end with the training. */
  public int steps(DataLoader train) {
    return Math.multiplyExact(length().epochs(), Math.min(train.batches(), length().steps()));
  }

  /** Whether steps may be replayed. */
  public boolean capture() {
    return !options.noCapture;
  }

  /** The folder with the user's data; null when they gave none. */
  public @Nullable Path data() {
    return options.data;
  }

  /** Which of {@link Example#datasets} to train on. */
  public String dataset() {
    return options.dataset != null ? options.dataset : example.datasets().getFirst();
  }

  /** Where to write what the training made; null if the user does not want it. */
  public @Nullable Path output() {
    return options.output;
  }

  /** A data file: from the user's folder, or without one the copy that comes with the program. */
  public InputStream open(String file) throws IOException {
    if (options.data != null) {
      return Files.newInputStream(options.data.resolve(file));
    }
    InputStream shipped = Session.class.getResourceAsStream(file);
    if (shipped == null) {
      throw new FileNotFoundException(
          file + " does not come with this program; name the folder that has it with --data DIR");
    }
    return shipped;
  }

  /** Shows a line. */
  public void print(String line) {
    console.line(line);
  }

  /** Trains as {@link Trainer#fit} does, watched, saved and resumed as the user asked. */
  public History fit(Trainer recipe, DataLoader train, DataLoader test) throws IOException {
    return fit(recipe, train, test, epoch -> {
    });
  }

  /** {@link #fit(Trainer, DataLoader, DataLoader)}, and {@code afterEpoch} each time an epoch's line is shown. */
  public History fit(Trainer recipe, DataLoader train, DataLoader test, Consumer<EpochResult> afterEpoch)
      throws IOException {
    Trainer trainer = recipe.capture(capture()).precision(precision()).on(device, seed());
    Path folder = options.checkpoint;
    if (folder != null) {
      Files.createDirectories(folder);
      if (options.resume) {
        resume(trainer, folder);
      }
    }
    start(trainer.model(),
        String.format(Locale.ROOT, "%,d training and %,d test samples", train.samples(), test.samples()));
    // What is on the terminal about an epoch is in the files already.
    trainer.listener(epochs(this::record));
    if (folder != null) {
      trainer.listener(epochs(r -> save(trainer, folder)));
    }
    History history = trainer.listener(console).listener(epochs(afterEpoch)).fit(train, test, length());
    if (options.verbose) {
      print("steps: " + trainer.state());
    }
    return history;
  }

  private void resume(Trainer trainer, Path folder) throws IOException {
    Checkpoint.load(folder, trainer);
    if (trainer.epochsDone() >= length().epochs()) {
      throw new InputException(
          "nothing is left to train: " + folder + " has " + trainer.epochsDone() + " of " + length().epochs()
              + " epochs; ask for more with --epochs");
    }
  }

  private static void save(Trainer trainer, Path folder) {
    try {
      Checkpoint.save(folder, trainer);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot save the checkpoint: " + InputException.reason(e), e);
    }
  }

  private static TrainingListener epochs(Consumer<EpochResult> action) {
    return new TrainingListener() {
      @Override
      public void epochEnded(EpochResult result) {
        action.accept(result);
      }
    };
  }

  /**
   * For hand-written loops, before they begin: says what trains on what. From here on a failure is a failed training.
   */
  public void begin(Block model, String samples) {
    refuse("--batch", options.batch);
    refuse("--data", options.data);
    refuse("--checkpoint", options.checkpoint);
    start(model, samples);
  }

  private void refuse(String option, @Nullable Object value) {
    if (value != null) {
      throw new InputException(example.name() + " has no use for " + option + "; leave it out");
    }
  }

  private void start(Block model, String samples) {
    if (options.metrics != null) {
      metrics = new MetricsFile(options.metrics, options.resume, device.name());
    }
    print(String.format(Locale.ROOT, "%s: %,d parameters on %s (%s) in %s, %s", example.name(), model.parameterCount(),
        device.name(), device.describe(), precision(), samples));
    begun = true;
  }

  /** For hand-written loops: takes down what an epoch came to. */
  public void record(EpochResult result) {
    if (metrics != null) {
      metrics.epochEnded(result);
    }
  }

  /** Leaves the terminal on a fresh line.
   *
   * @return whether a training had begun
   */
  boolean end() {
    console.end();
    return begun;
  }
}
