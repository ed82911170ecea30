package dev.tandem.cpu;

import dev.tandem.core.data.Batch;
import dev.tandem.core.nn.Module;
import dev.tandem.core.optim.Adam;
import dev.tandem.core.optim.Optimizer;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.tensor.Tensor;
import dev.tandem.core.testing.SmallNetwork;
import dev.tandem.core.train.TrainStep;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A program that trains and infers for long without closing anything, and prints what it held half-way and at the end. */
final class Soak {
  private static final int STEPS = 20_000;
  private static final int INFERENCES = 100_000;

  private Soak() {
  }

  public static void main(String[] args) throws IOException {
    Device device = new Device(new CpuBackend(1));
    Module model = SmallNetwork.model().on(device, 1);
    Optimizer optimizer = new Adam(1e-3).on(model);
    TrainStep step =
        TrainStep.of(optimizer, 1, SmallNetwork.training(model, optimizer)).capture(Boolean.parseBoolean(args[0]));
    Batch[] batches = {SmallNetwork.batch(64, 1), SmallNetwork.batch(64, 2), SmallNetwork.batch(17, 3)};
    long half = 0;
    for (int i = 0; i < STEPS; i++) {
      if (!Float.isFinite(step.run(batches[i % batches.length]).item())) {
        throw new IllegalStateException("loss of step " + i);
      }
      half = i == STEPS / 2 ? device.bytesHeld() : half;
    }
    System.out.println("training " + half + " " + device.bytesHeld());
    Tensor x = Tensor.of(device, batches[0].get(0));
    long most = 0;
    for (int i = 0; i < INFERENCES; i++) {
      model.apply(x);
      most = Math.max(most, device.bytesHeld());
    }
    System.out.println("inference " + most);
    System.out.println("resident " + residentKibibytes());
  }

  /** What the operating system counts for this process, or 0 where it does not say. */
  private static long residentKibibytes() throws IOException {
    Path status = Path.of("/proc/self/status");
    if (!Files.exists(status)) {
      return 0;
    }
    return Files.readAllLines(status).stream().filter(l -> l.startsWith("VmRSS:"))
        .mapToLong(l -> Long.parseLong(l.replaceAll("\\D", ""))).findFirst().orElse(0);
  }
}
