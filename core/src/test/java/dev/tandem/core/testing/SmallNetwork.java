package dev.tandem.core.testing;

import dev.tandem.core.autograd.Gradients;
import dev.tandem.core.data.Batch;
import dev.tandem.core.nn.BatchNorm2d;
import dev.tandem.core.nn.Conv2d;
import dev.tandem.core.nn.ConvOptions;
import dev.tandem.core.nn.Dropout;
import dev.tandem.core.nn.Flatten;
import dev.tandem.core.nn.LastStep;
import dev.tandem.core.nn.LayerNorm;
import dev.tandem.core.nn.Linear;
import dev.tandem.core.nn.Losses;
import dev.tandem.core.nn.Lstm;
import dev.tandem.core.nn.MaxPool2d;
import dev.tandem.core.nn.Module;
import dev.tandem.core.nn.RecurrentOptions;
import dev.tandem.core.nn.Relu;
import dev.tandem.core.nn.Sequential;
import dev.tandem.core.nn.Silu;
import dev.tandem.core.op.Precision;
import dev.tandem.core.optim.Optimizer;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.tensor.Tensor;
import dev.tandem.core.train.TrainStep;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.Function;
import java.util.stream.IntStream;

/** Small models of the kinds that people train, and batches that they can learn. */
public final class SmallNetwork {
  public static final int FEATURES = 7;
  public static final int CLASSES = 5;
  private static final int SIDE = 8;
  private static final int TIME = 6;

  /** What a model is made of. */
  public enum Kind {
    /** Dense layers with dropout on [N, 7]. */
    MLP(FEATURES),
    /** Convolutions, batch normalisation and pooling on [N, 2, 8, 8]. */
    CNN(2, SIDE, SIDE),
    /** A long short-term memory and a layer normalisation on [N, 6, 7]. */
    LSTM(TIME, FEATURES);

    private final int[] sample;

    Kind(int... sample) {
      this.sample = sample;
    }

    public Module model() {
      return switch (this) {
        case MLP -> new Sequential(new Linear(FEATURES, 13), new Silu(), new Dropout(0.25), new Linear(13, CLASSES));
        case CNN ->
            new Sequential(new Conv2d(2, 6, 3, ConvOptions.DEFAULT.withPadding(1)), new BatchNorm2d(6), new Relu(),
                new MaxPool2d(2), new Conv2d(6, 9, 3), new Relu(), new Flatten(), new Dropout(0.25),
                new Linear(36, CLASSES));
        case LSTM ->
            new Sequential(new Lstm(FEATURES, 12, RecurrentOptions.DEFAULT.withBatchFirst(true)), new LastStep(1),
                new LayerNorm(12), new Linear(12, CLASSES));
      };
    }

    public Batch batch(int n, long seed) {
      Random r = new Random(seed);
      int each = Arrays.stream(sample).reduce(1, (a, b) -> a * b);
      float[] x = new float[n * each];
      for (int i = 0; i < x.length; i++) {
        x[i] = (float) r.nextGaussian();
      }
      int[] y = new int[n];
      for (int i = 0; i < n; i++) {
        y[i] = (x[i * each] > 0 ? 1 : 0) + (x[i * each + 1] > 0 ? 2 : 0);
      }
      int[] dims = IntStream.concat(IntStream.of(n), Arrays.stream(sample)).toArray();
      return Batch.of(HostArray.of(x, dims), HostArray.of(y, n));
    }
  }

  private SmallNetwork() {
  }

  public static Module model() {
    return Kind.MLP.model();
  }

  public static Batch batch(int n, long seed) {
    return Kind.MLP.batch(n, seed);
  }

  /** Forward, loss, backward and update. */
  public static Function<List<Tensor>, Tensor> training(Module model, Optimizer optimizer) {
    return in -> {
      Tensor loss = Losses.crossEntropy().apply(model.apply(in.get(0)), in.get(1));
      optimizer.update(Gradients.of(loss));
      return loss;
    };
  }

  public static List<Float> run(Device device, Optimizer optimizer, boolean capture, int steps) {
    return run(Kind.MLP, device, optimizer, capture, steps);
  }

  /** Losses of a run over batches of 16, each seventh of only 9, with a falling learning rate; then every parameter at the end. */
  public static List<Float> run(Kind kind, Device device, Optimizer optimizer, boolean capture, int steps) {
    return run(kind, device, optimizer, capture, steps, Precision.FP32);
  }

  /** {@link #run(Kind, Device, Optimizer, boolean, int)} with products computed in {@code precision}. */
  public static List<Float> run(Kind kind, Device device, Optimizer optimizer, boolean capture, int steps,
      Precision precision) {
    Module model = kind.model().on(device, 1);
    optimizer.on(model);
    TrainStep step = TrainStep.of(optimizer, 3, training(model, optimizer)).capture(capture)
        .precision(precision);
    List<Float> values = new ArrayList<>();
    for (int i = 0; i < steps; i++) {
      optimizer.learningRate(0.02 / (1 + 0.1 * i));
      values.add(step.run(kind.batch(i % 7 == 6 ? 9 : 16, i)).item());
    }
    if (capture && steps > 9 && !step.state().startsWith("replaying")) {
      throw new AssertionError(kind + " is not replayed: " + step.state());
    }
    model.state().values().forEach(p -> {
      for (float v : p.tensor().toArray()) {
        values.add(v);
      }
    });
    return values;
  }
}
