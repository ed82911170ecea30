package dev.tandem.core.nn;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tandem.core.autograd.Gradients;
import dev.tandem.core.optim.Optimizer;
import dev.tandem.core.optim.Sgd;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.tensor.Tensor;
import dev.tandem.core.testing.ReferenceBackend;
import dev.tandem.core.train.TrainStep;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Supplier;

/** Trains a layer behind a scaled input: its steps must be replayed, and leave the bits that eager ones leave. */
final class ReplayCheck {
  private static final int STEPS = 9;

  /** A trained factor, so that layers without parameters have something to train. */
  private static final class Gain extends Module {
    private final Parameter factor = parameter("factor", Initializers.ones(), 1);

    @Override
    protected Tensor forward(Tensor x) {
      return x.mul(factor.tensor());
    }
  }

  private ReplayCheck() {
  }

  static void check(Supplier<Module> layer, int... inputShape) {
    assertThat(run(layer.get(), true, inputShape)).isEqualTo(run(layer.get(), false, inputShape));
  }

  /** The losses and, at the end, the whole state. */
  private static List<Float> run(Module layer, boolean capture, int... inputShape) {
    Device device = new Device(new ReferenceBackend());
    Module model = new Sequential(new Gain(), layer).on(device, 7);
    Optimizer optimizer = new Sgd(0.01).on(model);
    TrainStep step = TrainStep.of(optimizer, 5, in -> {
      Tensor y = model.apply(in.get(0));
      Tensor loss = y.mul(y).mul(0.5).add(y).mean();
      optimizer.update(Gradients.of(loss));
      return loss;
    }).capture(capture);
    SplittableRandom random = new SplittableRandom(3);
    List<Float> values = new ArrayList<>();
    for (int i = 0; i < STEPS; i++) {
      float[] x = new float[Math.toIntExact(Shape.of(inputShape).size())];
      for (int k = 0; k < x.length; k++) {
        x[k] = (float) random.nextGaussian();
      }
      values.add(step.runAll(List.of(HostArray.of(x, inputShape))).get(0).item());
    }
    assertThat(step.state()).startsWith(capture ? "replaying" : "eager: capture is turned off");
    model.state().values().forEach(p -> {
      for (float v : p.tensor().toArray()) {
        values.add(v);
      }
    });
    return values;
  }
}
