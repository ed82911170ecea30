package dev.tandem.core.testing;

import dev.tandem.core.autograd.Gradients;
import dev.tandem.core.data.Batch;
import dev.tandem.core.nn.Dropout;
import dev.tandem.core.nn.Linear;
import dev.tandem.core.nn.Losses;
import dev.tandem.core.nn.Module;
import dev.tandem.core.nn.Sequential;
import dev.tandem.core.nn.Silu;
import dev.tandem.core.optim.Optimizer;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.tensor.Tensor;
import dev.tandem.core.train.TrainStep;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Function;

/** A model of every kind of work an MLP does, and batches that it can learn. */
public final class SmallNetwork {
  public static final int FEATURES = 7;
  public static final int CLASSES = 5;

  private SmallNetwork() {
  }

  public static Module model() {
    return new Sequential(new Linear(FEATURES, 13), new Silu(), new Dropout(0.25), new Linear(13, CLASSES));
  }

  public static Batch batch(int n, long seed) {
    Random r = new Random(seed);
    float[] x = new float[n * FEATURES];
    for (int i = 0; i < x.length; i++) {
      x[i] = (float) r.nextGaussian();
    }
    int[] y = new int[n];
    for (int i = 0; i < n; i++) {
      y[i] = (x[i * FEATURES] > 0 ? 1 : 0) + (x[i * FEATURES + 1] > 0 ? 2 : 0);
    }
    return Batch.of(HostArray.of(x, n, FEATURES), HostArray.of(y, n));
  }

  /** Forward, loss, backward and update. */
  public static Function<List<Tensor>, Tensor> training(Module model, Optimizer optimizer) {
    return in -> {
      Tensor loss = Losses.crossEntropy().apply(model.apply(in.get(0)), in.get(1));
      optimizer.update(Gradients.of(loss));
      return loss;
    };
  }

  /** Losses of a run over batches of 16, each seventh of only 9, with a falling learning rate; then every parameter at the end. */
  public static List<Float> run(Device device, Optimizer optimizer, boolean capture, int steps) {
    Module model = model().on(device, 1);
    optimizer.on(model);
    TrainStep step = TrainStep.of(optimizer, 3, training(model, optimizer)).capture(capture);
    List<Float> values = new ArrayList<>();
    for (int i = 0; i < steps; i++) {
      optimizer.learningRate(0.02 / (1 + 0.1 * i));
      values.add(step.run(batch(i % 7 == 6 ? 9 : 16, i)).item());
    }
    model.state().values().forEach(p -> {
      for (float v : p.tensor().toArray()) {
        values.add(v);
      }
    });
    return values;
  }
}
