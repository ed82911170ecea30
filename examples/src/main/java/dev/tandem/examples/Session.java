package dev.tandem.examples;

import dev.tandem.core.data.DataLoader;
import dev.tandem.core.nn.Block;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.train.Checkpoint;
import dev.tandem.core.train.EpochResult;
import dev.tandem.core.train.Trainer;
import dev.tandem.core.train.TrainingListener;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * One run of an example as the command line asks for it. An example takes device, seed, sizes and data from here, and {@link #fit} is
 * {@link Trainer#fit} with progress, metrics and checkpoints around it.
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
    device = Device.of(options.device);
    if (options.precision != Options.Precision.FP32) {
      throw new InputException("--precision " + options.precision + " is not available on " + device.name() + "; it computes in fp32");
    }
  }

  /** What to train on. */
  public Device device() {
    return device;
  }

  /** What initial values and the order of samples depend on. */
  public long seed() {
    return options.seed;
  }

  /** Passes over the training data. */
  public int epochs() {
    return options.epochs != null ? options.epochs : example.epochs();
  }

  /** Samples in a training step. */
  public int batch() {
    return options.batch != null ? options.batch : example.batch();
  }

  /** Training steps in an epoch that has {@code all}, unless the user wants fewer. */
  public int steps(int all) {
    return options.steps != null ? Math.min(options.steps, all) : all;
  }

  /** The folder with the user's data; null when they gave none. */
  public @Nullable Path data() {
    return options.data;
  }

  /** A data file: from the user's folder, or without one the copy that comes with the program. */
  public InputStream open(String file) throws IOException {
    if (options.data != null) {
      return Files.newInputStream(options.data.resolve(file));
    }
    InputStream shipped = Session.class.getResourceAsStream(file);
    if (shipped == null) {
      throw new FileNotFoundException(file + " does not come with this program; name the folder that has it with --data DIR");
    }
    return shipped;
  }

  /** Shows a line. */
  public void print(String line) {
    console.line(line);
  }

  /** Trains as {@link Trainer#fit} does, watched, saved and resumed as the user asked. */
  public void fit(Trainer recipe, DataLoader train, DataLoader test) throws IOException {
    Trainer trainer = recipe.capture(!options.noCapture).on(device, seed());
    if (options.checkpoint != null && options.resume) {
      Checkpoint.load(options.checkpoint, trainer);
      if (trainer.epochsDone() >= epochs()) {
        throw new InputException("nothing is left to train: " + options.checkpoint + " has " + trainer.epochsDone()
            + " epochs already; ask for more with --epochs");
      }
    }
    begin(trainer.model(), "%,d training and %,d test samples".formatted(train.samples(), test.samples()));
    trainer.listener(new Watch(trainer)).listener(console);
    trainer.fit(train, test, epochs(), steps(train.batches()));
  }

  /** Says what trains on what, when all that the user gave has been found good; from here on a failure is a failed training. */
  public void begin(Block model, String samples) throws IOException {
    if (options.metrics != null) {
      metrics = new MetricsFile(options.metrics, options.resume, device.name());
    }
    if (options.checkpoint != null) {
      Files.createDirectories(options.checkpoint);
    }
    print("%s: %,d parameters on %s (%s), %s".formatted(example.name(), model.parameterCount(), device.name(), device.describe(), samples));
    begun = true;
  }

  /** Takes down the end of an epoch, for loops that are not {@link #fit}. */
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

  /** What is on the terminal about an epoch is in the files already: this listens before the console does. */
  private final class Watch implements TrainingListener {
    private final Trainer trainer;

    Watch(Trainer trainer) {
      this.trainer = trainer;
    }

    @Override
    public void stepEnded(int epoch, long step, float loss, long samplesSoFar) {
      if (!Float.isFinite(loss)) {
        throw new ArithmeticException("the loss is " + loss + " in epoch " + epoch + ", step " + step
            + "; a smaller learning rate or other data may help");
      }
    }

    @Override
    public void epochEnded(EpochResult result) {
      record(result);
      if (options.checkpoint != null) {
        try {
          Checkpoint.save(options.checkpoint, trainer);
        } catch (IOException e) {
          throw new UncheckedIOException("cannot save the checkpoint: " + InputException.reason(e), e);
        }
      }
    }
  }
}
