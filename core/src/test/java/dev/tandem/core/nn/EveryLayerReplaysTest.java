package dev.tandem.core.nn;

import static org.junit.jupiter.api.Assertions.assertAll;

import java.util.List;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** Steps of the layers that have no replay check beside their other tests are replayed, and give the bits of eager ones. */
class EveryLayerReplaysTest {
  private static Executable check(Supplier<Module> layer, int... inputShape) {
    return () -> ReplayCheck.check(layer, inputShape);
  }

  @Test
  void activations() {
    List<Supplier<Module>> layers =
        List.of(Sigmoid::new, Tanh::new, Relu::new, Relu6::new, LeakyRelu::new, Elu::new, Selu::new,
            Gelu::new, () -> new Gelu(Gelu.Approximation.TANH), Silu::new, Softplus::new, Mish::new, HardSwish::new,
            () -> new Softmax(1), () -> new LogSoftmax(1), () -> new Maxout(2), Identity::new, Flatten::new);
    assertAll(layers.stream().map(l -> check(l, 3, 4)));
  }

  @Test
  void denseLayers() {
    assertAll(check(() -> new Linear(4, 3), 5, 4), check(() -> new Dropout(0.4), 5, 4),
        check(() -> new Residual(new Linear(4, 4)), 5, 4), check(() -> new SkipConcat(new Linear(4, 2), 1), 5, 4));
  }

  @Test
  void pooling() {
    assertAll(check(() -> new MaxPool1d(2), 2, 2, 6), check(() -> new AvgPool2d(2), 2, 2, 4, 4),
        check(() -> new BatchNorm1d(3), 6, 3), check(() -> new Upsample(2, Upsample.Mode.NEAREST), 2, 2, 3, 3));
  }

  @Test
  void sequences() {
    RecurrentOptions both = RecurrentOptions.DEFAULT.withLayers(2).withBidirectional(true).withDropout(0.3);
    assertAll(check(() -> new Rnn(3, 4), 5, 2, 3), check(() -> new Lstm(3, 4, both), 5, 2, 3),
        check(() -> new Gru(3, 4), 5, 2, 3),
        check(() -> new Gru(3, 4, Gru.Reset.BEFORE, RecurrentOptions.DEFAULT), 5, 2, 3),
        check(() -> new Sequential(new Lstm(3, 4), new LastStep(0)), 5, 2, 3),
        check(() -> PositionalEncoding.sinusoidal(4, 8), 2, 5, 4),
        check(() -> PositionalEncoding.learned(4, 8), 2, 5, 4),
        check(() -> new TransformerEncoder(2, TransformerOptions.of(4, 2).withDropout(0.2)), 2, 5, 4));
  }
}
