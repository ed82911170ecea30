package dev.tandem.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.Operand;
import dev.tandem.core.backend.Storage;
import dev.tandem.core.op.Composite;
import dev.tandem.core.op.Conv2d;
import dev.tandem.core.op.Conv2dGradInput;
import dev.tandem.core.op.Conv2dGradWeight;
import dev.tandem.core.op.ConvGeometry;
import dev.tandem.core.op.MatMul;
import dev.tandem.core.op.Normalize;
import dev.tandem.core.op.Op;
import dev.tandem.core.op.Pointwise;
import dev.tandem.core.op.Pool2d;
import dev.tandem.core.op.PoolGeometry;
import dev.tandem.core.op.Precision;
import dev.tandem.core.op.Product;
import dev.tandem.core.op.Recurrent;
import dev.tandem.core.pointwise.Launch;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.shape.Layout;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.Spec;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** In what precision products are computed, and how their operands lie for it. */
class PrecisionTest {
  /** TF32 keeps 10 bits of mantissa, so that this becomes 1; its square rounded to F32 is 1 + 2^-11. */
  private static final float NEEDS_TWELVE_BITS = 1 + 0x1p-12f;
  private static final ConvGeometry PLAIN = ConvGeometry.of(1, 0);

  @TempDir Path cache;
  private CudaBackend backend;

  @BeforeEach
  void open() {
    backend = Cuda.backend();
  }

  private Operand operand(DType type, Layout layout, float... values) {
    HostArray host = HostArray.zeros(type, Math.toIntExact(layout.end()));
    for (int i = 0; i < layout.end(); i++) {
      host.set(i, values[i % values.length]);
    }
    Storage s = backend.allocate(type, layout.end());
    backend.write(s, 0, host.data());
    return new Operand(s, layout);
  }

  private Operand operand(DType type, Shape shape, float... values) {
    return operand(type, Layout.contiguous(shape), values);
  }

  private HostArray run(Op op, List<Operand> in) {
    List<Spec> specs = in.stream().map(Operand::spec).toList();
    List<Spec> outputs = op.outputs(specs);
    int results = op.results(outputs.size());
    List<Operand> out = new ArrayList<>();
    outputs.subList(0, results).forEach(s -> out.add(operand(s.dtype(), s.shape(), 0)));
    if (op instanceof Composite c) {
      backend.memory(c, specs, outputs.subList(results, outputs.size()), false)
          .forEach(s -> out.add(operand(s.dtype(), s.shape(), 0)));
    }
    long bytes = backend.scratch(op, in, out);
    backend.execute(new Call(op, in, out, bytes == 0 ? null : backend.allocate(DType.U8, bytes)));
    Operand first = out.getFirst();
    HostArray result = HostArray.zeros(first.dtype(), Math.toIntExact(first.storage().elements()));
    backend.read(first.storage(), 0, result.data());
    return result;
  }

  /** Each with one element in all operands, so that the result is one product. */
  static Stream<Product> products() {
    return Stream.of(new MatMul(false), new Conv2d(PLAIN), new Conv2dGradInput(PLAIN, 1, 1),
        new Conv2dGradWeight(PLAIN, 1, 1), new Recurrent(Recurrent.Cell.RNN_RELU, false, false),
        new Recurrent(Recurrent.Cell.RNN_RELU, false, true));
  }

  private float product(Product op) {
    Operand x = operand(DType.F32, op instanceof Recurrent ? Shape.of(1, 1, 1)
        : op instanceof MatMul ? Shape.of(1, 1) : Shape.of(1, 1, 1, 1), NEEDS_TWELVE_BITS);
    List<Operand> in = new ArrayList<>(List.of(x));
    if (op instanceof Recurrent r) {
      Operand matrix = operand(DType.F32, Shape.of(1, 1), NEEDS_TWELVE_BITS);
      Operand zero = operand(DType.F32, Shape.of(1), 0);
      in.addAll(List.of(operand(DType.F32, Shape.of(1, 1), 0), matrix, matrix, zero, zero));
      if (r.masked()) {
        in.add(operand(DType.I32, Shape.of(1), 1));
      }
    } else {
      in.add(operand(DType.F32, x.shape(), NEEDS_TWELVE_BITS));
    }
    return (float) run(op, in).get(0);
  }

  @ParameterizedTest
  @MethodSource("products")
  void fp32MeansFp32(Product op) {
    assertThat(product(op)).isEqualTo(1 + 0x1p-11f);
  }

  /** A device may round and need not; the emulator always does. */
  @ParameterizedTest
  @MethodSource("products")
  void tf32ReachesTheLibraries(Product op) {
    Cuda.emulator();
    assertThat(product(op.withTf32(true))).isEqualTo(1);
  }

  /** Sums of BF16 are fp32: 1 is lost beside 512 with 8 bits of mantissa, 128 of them are not. */
  @Test
  void productsOfBf16AreSummedInFp32() {
    float[] values = new float[129];
    Arrays.fill(values, 1);
    values[0] = 512;
    Operand a = operand(DType.BF16, Shape.of(1, 129), values);
    Operand ones = operand(DType.BF16, Shape.of(129, 1), 1);
    assertThat(run(new MatMul(false), List.of(a, ones)).get(0)).isEqualTo(640);
    assertThat(run(new Conv2d(PLAIN), List.of(operand(DType.BF16, Shape.of(1, 129, 1, 1), values),
        operand(DType.BF16, Shape.of(1, 129, 1, 1), 1))).get(0)).isEqualTo(640);
  }

  /** Eight elements of BF16 are one access of 16 bytes, but not where rows begin 24 bytes apart. */
  @Test
  void rowsOfBf16ThatBeginBetweenAccesses() {
    Layout rows = Layout.contiguous(Shape.of(5, 12)).slice(1, 0, 8, 1);
    HostArray copy = run(Pointwise.of("copy", Program.IDENTITY, Launch.NONE, DType.BF16),
        List.of(operand(DType.BF16, rows, 1, 2, 3, 4, 5, 6, 7)));
    for (int i = 0; i < 40; i++) {
      assertThat(copy.get(i)).isEqualTo(1 + (i / 8 * 12 + i % 8) % 7);
    }
  }

  private int algorithm(ConvolutionPlan.Direction direction, Arithmetic arithmetic, boolean search) {
    Cuda.emulator();
    try (CudaContext context = new CudaContext(0)) {
      ConvolutionPlan.Key key = new ConvolutionPlan.Key(direction, ConvGeometry.of(1, 1), ConvolutionPlan.Format.NCHW,
          arithmetic, Shape.of(2, 4, 8, 8), Shape.of(6, 4, 3, 3), Shape.of(2, 6, 8, 8));
      return new ConvolutionPlan(Cudnn.of(context), key, search).algorithm();
    }
  }

  /** The emulated heuristics put Winograd's algorithms and those that add in any order first. */
  @Test
  void fp32TakesTheFirstAlgorithmThatSumsInOneOrder() {
    for (ConvolutionPlan.Direction d : ConvolutionPlan.Direction.values()) {
      assertThat(algorithm(d, Arithmetic.FP32, false)).as("%s in fp32", d).isEqualTo(1);
      assertThat(algorithm(d, Arithmetic.BF16, false)).as("%s in bf16", d).isEqualTo(1);
    }
  }

  @Test
  void tf32TakesWinogradsAlgorithmsToo() {
    assertThat(algorithm(ConvolutionPlan.Direction.FORWARD, Arithmetic.TF32, false)).isEqualTo(6);
    assertThat(algorithm(ConvolutionPlan.Direction.GRAD_INPUT, Arithmetic.TF32, false)).isEqualTo(5);
    assertThat(algorithm(ConvolutionPlan.Direction.GRAD_WEIGHT, Arithmetic.TF32, false)).isEqualTo(5);
  }

  /** The emulated search finds the last ones of the heuristics fastest. */
  @Test
  void aSearchTakesTheFastestThatIsAllowed() {
    assertThat(algorithm(ConvolutionPlan.Direction.FORWARD, Arithmetic.FP32, true)).isZero();
    assertThat(algorithm(ConvolutionPlan.Direction.GRAD_WEIGHT, Arithmetic.FP32, true)).isEqualTo(1);
    assertThat(algorithm(ConvolutionPlan.Direction.GRAD_WEIGHT, Arithmetic.TF32, true)).isEqualTo(1);
  }

  /** The emulated cuDNN has no BF16 gradients with groups and dilation. Whole numbers below 256 are exact in both types. */
  @Test
  void whatCudnnDoesNotOfferInBf16IsComputedFromCopies() {
    ConvGeometry g = new ConvGeometry(1, 1, 2, 2, 2, 2, 2);
    float[] numbers = {1, -2, 0, 3, -1, 2, 1};
    Shape image = Shape.of(2, 4, 6, 5);
    Shape weight = Shape.of(4, 2, 3, 3);
    for (Op op : List.of(new Conv2dGradInput(g, 6, 5), new Conv2dGradWeight(g, 3, 3))) {
      Shape other = op instanceof Conv2dGradInput ? weight : image;
      for (Layout lies : List.of(Layout.contiguous(image), ConvolutionPlan.Format.NHWC.of(image))) {
        List<HostArray> results = new ArrayList<>();
        for (DType type : List.of(DType.BF16, DType.F32)) {
          Operand gradient = operand(type, lies, numbers);
          Operand second = operand(type, other, numbers);
          results.add(run(op, op instanceof Conv2dGradInput ? List.of(gradient, second) : List.of(second, gradient)));
        }
        for (int i = 0; i < results.get(0).shape().size(); i++) {
          assertThat(results.get(0).get(i)).as("%s, element %d", op, i).isEqualTo(results.get(1).get(i));
        }
      }
    }
  }

  private Layout layout(Op op, Operand... in) {
    return backend.layout(op, List.of(in), op.outputs(Stream.of(in).map(Operand::spec).toList()).getFirst());
  }

  /** From the first convolution on nothing between them needs a copy. */
  @Test
  void convolutionsOnTensorCoresGiveChannelsLastAndWhatFollowsKeepsThem() {
    Shape image = Shape.of(2, 3, 8, 8);
    Shape weight = Shape.of(5, 3, 3, 3);
    Operand x = operand(DType.BF16, image, 1);
    Operand w = operand(DType.BF16, weight, 1);
    Layout last = layout(new Conv2d(PLAIN), x, w);
    assertThat(last).isEqualTo(ConvolutionPlan.Format.NHWC.of(Shape.of(2, 5, 6, 6)));
    Operand y = operand(DType.BF16, last, 1);
    assertThat(layout(new Conv2dGradInput(PLAIN, 8, 8), y, w)).isEqualTo(ConvolutionPlan.Format.NHWC.of(image));
    assertThat(layout(new Normalize(List.of(0, 2, 3), 1e-5, false), y)).isEqualTo(last);
    assertThat(layout(new Pool2d(PoolGeometry.of(PoolGeometry.Kind.MAX, 2)), y))
        .isEqualTo(ConvolutionPlan.Format.NHWC.of(Shape.of(2, 5, 3, 3)));
    Operand wide = operand(DType.F32, image, 1);
    Operand filter = operand(DType.F32, weight, 1);
    assertThat(layout(new Conv2d(PLAIN, true), wide, filter)).isEqualTo(last);
    assertThat(layout(new Conv2d(PLAIN), wide, filter).isContiguous()).as("fp32").isTrue();
  }

  /** Prints what the device of this process offers. */
  static final class Ask {
    private Ask() {
    }

    public static void main(String[] arguments) {
      CudaBackend backend = Cuda.backend();
      System.out.println("describe <" + backend.describe() + ">");
      for (Precision p : Precision.values()) {
        System.out.println(p.name() + " " + backend.supports(p));
      }
    }
  }

  @Test
  void tf32AndBf16WantComputeCapability8() throws Exception {
    Cuda.emulator();
    assertThat(backend.describe()).contains("compute capability 9.0").doesNotContain("fp32 only");
    for (Precision p : Precision.values()) {
      assertThat(backend.supports(p)).as("%s on 9.0", p).isTrue();
    }
    String old = JavaProcess.run(Map.of("EMU_CAPABILITY", "75"), Cuda.flags(cache), Ask.class).output();
    assertThat(old).contains("compute capability 7.5", "fp32 only as tf32 and bf16 want compute capability 8.0",
        "FP32 true", "TF32 false", "BF16 false");
  }
}
