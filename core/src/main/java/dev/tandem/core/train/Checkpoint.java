package dev.tandem.core.train;

import dev.tandem.core.io.FileFormatException;
import dev.tandem.core.io.Safetensors;
import dev.tandem.core.optim.Schedule;
import dev.tandem.core.shape.HostArray;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Everything a training needs to go on: the model's state under {@code model.}, the optimizer's under {@code optimizer.}, and
 * in the metadata the epochs and steps done, the seed, and under {@code schedule.} what the schedule of the learning rate
 * remembers. One safetensors file, replaced atomically. A training resumed at the end of an epoch gives the losses of an
 * uninterrupted one, bit for bit, if it has the same seed and data.
 */
public final class Checkpoint {
  /** The file's name in its folder. */
  public static final String FILE = "checkpoint.safetensors";

  private static final String MODEL = "model.";
  private static final String OPTIMIZER = "optimizer.";
  private static final String SCHEDULE = "schedule.";

  private Checkpoint() {
  }

  /** Writes the checkpoint of {@code trainer} to {@code folder}, which is created if need be. */
  public static void save(Path folder, Trainer trainer) throws IOException {
    Files.createDirectories(folder);
    Map<String, HostArray> tensors = new LinkedHashMap<>();
    trainer.model().stateToHost().forEach((name, v) -> tensors.put(MODEL + name, v));
    trainer.optimizer().stateToHost().forEach((name, v) -> tensors.put(OPTIMIZER + name, v));
    Map<String, String> metadata = new LinkedHashMap<>();
    metadata.put("format", "tandem-checkpoint-1");
    metadata.put("epochs", Integer.toString(trainer.epochsDone()));
    metadata.put("steps", Integer.toString(trainer.stepsDone()));
    metadata.put("seed", Long.toString(trainer.seed()));
    trainer.optimizer().schedule().state().forEach((name, v) -> metadata.put(SCHEDULE + name, v));
    Safetensors.write(folder.resolve(FILE), tensors, metadata);
  }

  /** Gives {@code trainer} the state saved in {@code folder}; nothing is changed if it does not fit.
   *
   * @throws FileFormatException if the file is no checkpoint
   * @throws IllegalArgumentException if it is one of another model, optimizer or seed
   */
  public static void load(Path folder, Trainer trainer) throws IOException {
    Path file = folder.resolve(FILE);
    Safetensors.Content content = Safetensors.read(file);
    Map<String, HostArray> model = new LinkedHashMap<>();
    Map<String, HostArray> optimizer = new LinkedHashMap<>();
    content.tensors().forEach((name, v) -> {
      if (name.startsWith(MODEL)) {
        model.put(name.substring(MODEL.length()), v);
      } else if (name.startsWith(OPTIMIZER)) {
        optimizer.put(name.substring(OPTIMIZER.length()), v);
      }
    });
    int epochs = number(file, content.metadata(), "epochs");
    int steps = number(file, content.metadata(), "steps");
    String seed = content.metadata().get("seed");
    if (seed != null && !seed.equals(Long.toString(trainer.seed()))) {
      throw new IllegalArgumentException(
          "the training saved in " + file + " has seed " + seed + ", not " + trainer.seed()
              + "; go on with the same seed, which fixes the order of the data");
    }
    trainer.optimizer().checkState(optimizer);
    Schedule schedule = trainer.optimizer().schedule();
    Map<String, String> before = schedule.state();
    schedule.loadState(schedule(content.metadata()));
    try {
      trainer.model().loadState(model);
    } catch (IllegalArgumentException e) {
      schedule.loadState(before);
      throw e;
    }
    trainer.optimizer().loadState(optimizer);
    trainer.resumeAt(epochs, steps);
  }

  private static Map<String, String> schedule(Map<String, String> metadata) {
    Map<String, String> state = new LinkedHashMap<>();
    metadata.forEach((name, v) -> {
      if (name.startsWith(SCHEDULE)) {
        state.put(name.substring(SCHEDULE.length()), v);
      }
    });
    return state;
  }

  private static int number(Path file, Map<String, String> metadata, String key) throws FileFormatException {
    String text = metadata.get(key);
    try {
      return Integer.parseUnsignedInt(text == null ? "" : text);
    } catch (NumberFormatException e) {
      throw new FileFormatException(file.toString(),
          "is no checkpoint of a training: it does not say how many " + key + " were done");
    }
  }
}
