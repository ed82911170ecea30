package dev.tandem.cpu;

import dev.tandem.core.data.Batch;
import dev.tandem.core.nn.Conv2d;
import dev.tandem.core.nn.Flatten;
import dev.tandem.core.nn.Linear;
import dev.tandem.core.nn.MaxPool2d;
import dev.tandem.core.nn.Module;
import dev.tandem.core.nn.Relu;
import dev.tandem.core.nn.Sequential;
import dev.tandem.core.optim.Adam;
import dev.tandem.core.optim.Optimizer;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.testing.SmallNetwork;
import dev.tandem.core.train.TrainStep;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Collectors;

/** A program that trains in a JVM that has compiled nothing, and prints the bits of all losses, and of all parameters at the end. */
final class ColdStart {
  /** Enough for kernels to become compiled in the middle of it. */
  private static final int STEPS = 60;
  private static final int IMAGES = 16;
  private static final int SIDE = 30;

  private ColdStart() {
  }

  public static void main(String[] args) {
    train().forEach(System.out::println);
  }

  /** A line for each network. */
  static List<String> train() {
    List<String> lines = new ArrayList<>();
    for (SmallNetwork.Kind kind : SmallNetwork.Kind.values()) {
      lines.add(kind + bits(SmallNetwork.run(kind, new Device(new CpuBackend(2)), new Adam(0.02), true, STEPS)));
    }
    lines.add("wide" + bits(wide()));
    return lines;
  }

  /** Of whole vectors of channels, which small networks are not, and with rows that the tallest tiles overlap in. */
  private static List<Float> wide() {
    Module model = new Sequential(new Conv2d(3, 32, 3), new Relu(), new MaxPool2d(2), new Conv2d(32, 32, 3), new Relu(),
        new MaxPool2d(2), new Flatten(), new Linear(1152, 10)).on(new Device(new CpuBackend(2)), 1);
    Optimizer optimizer = new Adam(1e-3).on(model);
    TrainStep step = TrainStep.of(optimizer, 1, SmallNetwork.training(model, optimizer));
    Random random = new Random(5);
    float[] pixels = new float[IMAGES * 3 * SIDE * SIDE];
    int[] classes = new int[IMAGES];
    for (int i = 0; i < pixels.length; i++) {
      pixels[i] = (float) random.nextGaussian();
    }
    for (int i = 0; i < IMAGES; i++) {
      classes[i] = random.nextInt(10);
    }
    Batch batch = Batch.of(HostArray.of(pixels, IMAGES, 3, SIDE, SIDE), HostArray.of(classes, IMAGES));
    List<Float> values = new ArrayList<>();
    for (int i = 0; i < STEPS; i++) {
      values.add(step.run(batch).item());
    }
    model.state().values().forEach(p -> {
      for (float v : p.tensor().toArray()) {
        values.add(v);
      }
    });
    return values;
  }

  private static String bits(List<Float> values) {
    return values.stream().map(v -> " " + Integer.toHexString(Float.floatToRawIntBits(v)))
        .collect(Collectors.joining());
  }
}
