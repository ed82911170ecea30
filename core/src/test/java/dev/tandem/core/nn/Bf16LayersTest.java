package dev.tandem.core.nn;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tandem.core.autograd.Gradients;
import dev.tandem.core.autograd.Tape;
import dev.tandem.core.op.Normalize;
import dev.tandem.core.op.NormalizeGrad;
import dev.tandem.core.op.Precision;
import dev.tandem.core.op.Recurrent;
import dev.tandem.core.op.RecurrentGrad;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.tensor.RandomState;
import dev.tandem.core.tensor.Scope;
import dev.tandem.core.tensor.StepArena;
import dev.tandem.core.tensor.Tensor;
import dev.tandem.core.testing.ReferenceBackend;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.BiFunction;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every layer in BF16 on the oracle, behind a product as in a network: forward and backward run, gradients of parameters are F32, and
 * loss and gradients are near those in fp32, with composites decomposed and claimed.
 */
class Bf16LayersTest {
  /** BF16 rounds to within 2^-9. A gradient here goes through about ten roundings, which are independent of each other, and
   * cancellation makes its parts a few times larger than itself: 2^-9 * sqrt(10) * 5 = 0.03. */
  private static final double BOUND = 0.03;

  /** @param shape of the input */
  record Case(String name, Supplier<Block> layer, BiFunction<Block, Tensor, Tensor> use, int... shape) {
    @Override
    public String toString() {
      return name;
    }
  }

  private static Case of(String name, Supplier<Module> layer, int... shape) {
    return new Case(name, layer::get, (block, x) -> ((Module) block).apply(x), shape);
  }

  private static Case of(Supplier<Module> layer, int... shape) {
    return of(layer.get().getClass().getSimpleName(), layer, shape);
  }

  static Stream<Case> activations() {
    List<Supplier<Module>> layers = List.of(Sigmoid::new, Tanh::new, Relu::new, Relu6::new, LeakyRelu::new, Elu::new,
        Selu::new, Gelu::new, () -> new Gelu(Gelu.Approximation.TANH), Silu::new, Softplus::new, Mish::new,
        HardSwish::new, () -> new Softmax(1), () -> new LogSoftmax(1), () -> new Maxout(2), Identity::new, Flatten::new);
    return layers.stream().map(l -> of(l, 9, 8));
  }

  static Stream<Case> denseLayers() {
    return Stream.of(of(() -> new Linear(8, 5), 9, 8), of(() -> new Linear(8, 5), 3, 4, 8),
        of(() -> new Dropout(0.4), 9, 8), of(() -> new Dropout2d(0.4), 3, 4, 3, 8), of(() -> new DropPath(0.4), 9, 8),
        of(() -> new AlphaDropout(0.4), 9, 8), of(() -> new Residual(new Linear(8, 8)), 9, 8),
        of(() -> new SkipConcat(new Linear(8, 2), 1), 9, 8),
        of("SkipConcat of F32", () -> new Sequential(new LayerNorm(8), new SkipConcat(new Linear(8, 2), 1)), 9, 8));
  }

  static Stream<Case> images() {
    ConvOptions padded = ConvOptions.DEFAULT.withPadding(1);
    return Stream.of(of(() -> new Conv1d(3, 4, 3, padded), 2, 3, 8), of(() -> new Conv2d(3, 4, 3, padded), 2, 3, 6, 8),
        of("Conv2d grouped",
            () -> new Conv2d(4, 6, 3, padded.withGroups(2).withPaddingMode(PaddingMode.REFLECT)), 2, 4, 6, 8),
        of(() -> new ConvTranspose2d(3, 2, 3, ConvOptions.DEFAULT.withStride(2), 1), 2, 3, 4, 5),
        of(() -> new MaxPool1d(2), 2, 3, 8), of(() -> new MaxPool2d(2), 2, 3, 6, 8), of(() -> new AvgPool1d(2), 2, 3, 8),
        of(() -> new AvgPool2d(2), 2, 3, 6, 8), of(() -> new AdaptiveAvgPool2d(2), 2, 3, 6, 8),
        of("AdaptiveAvgPool2d uneven", () -> new AdaptiveAvgPool2d(3), 2, 3, 5, 8),
        of(GlobalAvgPool2d::new, 2, 3, 6, 8), of(() -> new Upsample(2, Upsample.Mode.NEAREST), 2, 3, 3, 4),
        of("Upsample bilinear", () -> new Upsample(2, Upsample.Mode.BILINEAR), 2, 3, 3, 4));
  }

  static Stream<Case> normalisation() {
    return Stream.of(of(() -> new BatchNorm1d(8), 9, 8), of(() -> new BatchNorm2d(3), 4, 3, 5, 6),
        of(() -> new BatchRenorm(3), 4, 3, 5, 6), of(() -> new LayerNorm(8), 9, 8), of(() -> new RMSNorm(8), 9, 8),
        of(() -> new GroupNorm(2, 4), 3, 4, 5, 6), of(() -> new InstanceNorm(4, 1e-5, true), 3, 4, 5, 6));
  }

  static Stream<Case> sequences() {
    RecurrentOptions both = RecurrentOptions.DEFAULT.withLayers(2).withBidirectional(true).withDropout(0.3);
    return Stream.of(of(() -> new Rnn(6, 4), 5, 3, 6), of(() -> new Lstm(6, 4), 5, 3, 6), of(() -> new Gru(6, 4), 5, 3, 6),
        of("Gru reset before", () -> new Gru(6, 4, Gru.Reset.BEFORE, RecurrentOptions.DEFAULT), 5, 3, 6),
        of("Lstm stacked", () -> new Lstm(6, 4, both), 5, 3, 6), of(() -> new LastStep(0), 5, 3, 6),
        of(() -> PositionalEncoding.sinusoidal(6, 8), 3, 5, 6),
        of("PositionalEncoding learned", () -> PositionalEncoding.learned(6, 8), 3, 5, 6),
        new Case("MultiHeadAttention", () -> new MultiHeadAttention(8, 2),
            (block, x) -> ((MultiHeadAttention) block).apply(x, null, true), 3, 5, 8),
        of(() -> new TransformerEncoder(2, TransformerOptions.of(8, 2).withDropout(0.2)), 3, 5, 8),
        new Case("TransformerDecoder", () -> new TransformerDecoder(1, TransformerOptions.of(8, 2)),
            (block, x) -> ((TransformerDecoder) block).apply(x, x.slice(1, 0, 4), null, null, true), 3, 5, 8),
        new Case("Embedding", () -> new Embedding(7, 6), (block, x) -> ((Module) block)
            .apply(x.detach().abs().mul(2).clamp(0, 6).to(DType.I32)).mul(x.unsqueeze(2)), 3, 5));
  }

  static Stream<Case> graphs() {
    return Stream.of(
        new Case("GraphConvolution", () -> new GraphConvolution(6, 4),
            (block, x) -> ((GraphConvolution) block).apply(x, Tensor.ones(x.device(), 5, 5).div(5)), 5, 6),
        new Case("MessagePassing", () -> new MessagePassing(6, 4, MessagePassing.Aggregation.MEAN),
            (block, x) -> ((MessagePassing) block).apply(x,
                Tensor.of(x.device(), new int[] {0, 1, 2, 3, 4, 0, 1, 2, 0, 0, 1, 1}, 2, 6)),
            5, 6));
  }

  /** The loss, then the gradients of the input and of every parameter. */
  private static Map<String, double[]> run(Case c, Precision precision, boolean claimed) {
    Device device = new Device(claimed
        ? new ReferenceBackend(Set.of(Recurrent.class, RecurrentGrad.class, Normalize.class, NormalizeGrad.class))
        : new ReferenceBackend());
    int last = c.shape[c.shape.length - 1];
    Linear product = new Linear(last, last);
    product.on(device, 11);
    Block layer = c.layer.get();
    layer.on(device, 12);
    SplittableRandom random = new SplittableRandom(13);
    float[] values = new float[Math.toIntExact(Shape.of(c.shape).size())];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    Tensor x = Tensor.of(device, HostArray.of(values, c.shape)).requireGrad();
    RandomState draws = new RandomState(device, 14);
    draws.beginStep(1);
    Map<String, double[]> results = new LinkedHashMap<>();
    try (Scope _ = Scope.training(device, new StepArena(device, "test"), new Tape(), draws, null, precision)) {
      Tensor in = product.apply(x);
      assertThat(in.dtype()).isEqualTo(precision == Precision.BF16 ? DType.BF16 : DType.F32);
      Tensor y = c.use.apply(layer, in);
      int n = Math.toIntExact(y.shape().size());
      // Weights, as the sum of a softmax or of normalised numbers is constant and has no gradient but rounding.
      Tensor weights = Tensor.arange(device, n).to(DType.F32).mul(1.0 / n).reshape(y.shape().dims());
      Tensor loss = y.mul(y).add(y).mul(weights).mean();
      assertThat(loss.dtype()).isEqualTo(DType.F32);
      Gradients gradients = Gradients.of(loss);
      results.put("loss", new double[] {loss.itemAsDouble()});
      results.put("input", gradient(gradients, x));
      for (Block b : List.of(product, layer)) {
        b.parameters().forEach((name, p) -> results.put(b + " " + name, gradient(gradients, p.tensor())));
      }
    }
    return results;
  }

  private static double[] gradient(Gradients gradients, Tensor leaf) {
    Tensor g = gradients.get(leaf);
    assertThat(g).isNotNull();
    assertThat(g.spec()).isEqualTo(leaf.spec());
    assertThat(g.dtype()).isEqualTo(DType.F32);
    return g.toHost().toDoubles();
  }

  private static double norm(double[] v) {
    double sum = 0;
    for (double x : v) {
      sum += x * x;
    }
    return Math.sqrt(sum);
  }

  @ParameterizedTest
  @MethodSource({"activations", "denseLayers", "images", "normalisation", "sequences", "graphs"})
  void isNearFp32(Case c) {
    for (boolean claimed : new boolean[] {false, true}) {
      List<double[]> exact = new ArrayList<>(run(c, Precision.FP32, claimed).values());
      List<double[]> rounded = new ArrayList<>(run(c, Precision.BF16, claimed).values());
      double largest = exact.stream().skip(1).mapToDouble(Bf16LayersTest::norm).max().orElse(0);
      for (int k = 0; k < exact.size(); k++) {
        double[] difference = exact.get(k).clone();
        for (int i = 0; i < difference.length; i++) {
          difference[i] -= rounded.get(k)[i];
        }
        // A bias before a normalisation has a gradient of 0: the largest gradient is the measure of all.
        double measure = k == 0 ? Math.abs(exact.get(0)[0]) : largest;
        assertThat(norm(difference)).as("%s, value %d", c, k).isLessThan(BOUND * measure);
      }
    }
  }
}
