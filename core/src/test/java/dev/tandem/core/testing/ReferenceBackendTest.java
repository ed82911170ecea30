package dev.tandem.core.testing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.Operand;
import dev.tandem.core.backend.Storage;
import dev.tandem.core.op.Conv2d;
import dev.tandem.core.op.Conv2dGradInput;
import dev.tandem.core.op.Conv2dGradWeight;
import dev.tandem.core.op.ConvGeometry;
import dev.tandem.core.op.CumulativeSum;
import dev.tandem.core.op.Gather;
import dev.tandem.core.op.MatMul;
import dev.tandem.core.op.Op;
import dev.tandem.core.op.Pointwise;
import dev.tandem.core.op.Pool2d;
import dev.tandem.core.op.Pool2dGrad;
import dev.tandem.core.op.PoolGeometry;
import dev.tandem.core.op.Reduce;
import dev.tandem.core.op.ScatterAdd;
import dev.tandem.core.op.SoftmaxCrossEntropy;
import dev.tandem.core.op.SoftmaxCrossEntropyGrad;
import dev.tandem.core.pointwise.Expr;
import dev.tandem.core.pointwise.Launch;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.DType.Kind;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.shape.Layout;
import dev.tandem.core.shape.Shape;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** The oracle against numbers worked out by hand or taken from tables: it is compared with nothing else. */
class ReferenceBackendTest {
  private static final double NAN = Double.NaN;
  private static final double INF = Double.POSITIVE_INFINITY;
  private static final Expr X = Expr.input(0);
  private static final Expr Y = Expr.input(1);
  private static final Expr I = Expr.input(0, Kind.INT);
  private static final Expr J = Expr.input(1, Kind.INT);

  private final ReferenceBackend oracle =
      new ReferenceBackend(Set.of(SoftmaxCrossEntropy.class, SoftmaxCrossEntropyGrad.class));

  private Operand operand(DType type, double[] values, int... dims) {
    HostArray host = HostArray.zeros(type, dims);
    for (int i = 0; i < values.length; i++) {
      host.set(i, values[i]);
    }
    Storage s = oracle.allocate(type, values.length);
    oracle.write(s, 0, host.data());
    return new Operand(s, Layout.contiguous(Shape.of(dims)));
  }

  private Operand f32(double[] values, int... dims) {
    return operand(DType.F32, values, dims);
  }

  private Operand i32(int... values) {
    return operand(DType.I32, Arrays.stream(values).asDoubleStream().toArray(), values.length);
  }

  private static double[] of(double... values) {
    return values;
  }

  /** Output {@code k}, row-major as the oracle holds it. */
  private double[] run(int k, Op op, Operand... in) {
    List<Operand> out = op.outputs(Arrays.stream(in).map(Operand::spec).toList()).stream()
        .map(s -> new Operand(oracle.allocate(s.dtype(), s.shape().size()), Layout.contiguous(s.shape()))).toList();
    oracle.execute(new Call(op, List.of(in), out, null));
    return ReferenceBackend.values(out.get(k).storage());
  }

  private double[] run(Op op, Operand... in) {
    return run(0, op, in);
  }

  private double[] unary(Expr e, double... x) {
    return run(Pointwise.of("unary", Program.of(1, e), Launch.NONE, DType.F64), operand(DType.F64, x, x.length));
  }

  private double[] ints(Expr e, int[] i, int[] j) {
    return run(Pointwise.of("ints", Program.of(List.of(Kind.INT, Kind.INT), List.of(e))), i32(i), i32(j));
  }

  @Test
  void arithmeticBroadcasts() {
    Expr e = X.mul(Y).add(1).sub(Expr.input(2).div(Expr.constant(4)));
    assertThat(
        run(Pointwise.of("e", Program.of(3, e)), f32(of(1, 2, 3, 4), 2, 2), f32(of(10, 100), 2), f32(of(4, 8), 2, 1)))
        .containsExactly(10, 200, 29, 399);
  }

  @Test
  void functionsAgreeWithTables() {
    assertThat(unary(X.exp(), 0, 1, -1)).containsExactly(of(1, 2.718281828459045, 0.36787944117144233), within(1e-15));
    assertThat(unary(X.log(), 1, 10, 0, -1)).containsExactly(0, 2.302585092994046, -INF, NAN);
    assertThat(unary(X.expm1(), 1e-5, 1)).containsExactly(of(1.0000050000166668e-5, 1.718281828459045), within(1e-15));
    assertThat(unary(X.log1p(), 1e-5, -1)).containsExactly(9.999950000333332e-6, -INF);
    assertThat(unary(X.tanh(), 1, -INF)).containsExactly(of(0.7615941559557649, -1), within(1e-15));
    assertThat(unary(X.sigmoid(), 2, 0, -1000, INF)).containsExactly(of(0.8807970779778823, 0.5, 0, 1), within(1e-15));
    assertThat(unary(X.sin(), 1)).containsExactly(of(0.8414709848078965), within(1e-15));
    assertThat(unary(X.cos(), 1)).containsExactly(of(0.5403023058681398), within(1e-15));
    assertThat(unary(X.sqrt(), 2, -1)).containsExactly(1.4142135623730951, NAN);
    assertThat(unary(X.floor(), 1.5, -1.5, -0.0)).containsExactly(1, -2, -0.0);
    assertThat(unary(X.neg(), 1.5, 0, -INF)).containsExactly(-1.5, -0.0, INF);
    assertThat(unary(X.abs(), 1.5, -2, -INF)).containsExactly(1.5, 2, INF);
    assertThat(unary(X.pow(0.5), 2, 9)).containsExactly(of(1.4142135623730951, 3), within(1e-15));
    assertThat(unary(Expr.constant(-2).pow(X), 3, 0.5, 0)).containsExactly(-8, NAN, 1);
    assertThat(unary(X.max(1), 0, 2, NAN)).containsExactly(1, 2, NAN);
    assertThat(unary(X.min(1), 0, 2, NAN)).containsExactly(0, 1, NAN);
  }

  /** Abramowitz and Stegun, table 7.1; on both sides of where the two methods meet, another implementation's values. */
  @Test
  void theErrorFunction() {
    assertThat(unary(X.erf(), 0, 1e-10, 0.5, 1, 2, 2.9999, 3, 3.0001, 3.5, 5, 7, -1, INF, -INF, NAN)).containsExactly(
        of(0, 1.1283791670955126e-10, 0.5204998778130465, 0.8427007929497149, 0.9953222650189527, 0.9999778955735178,
            0.9999779095030014, 0.9999779234241298, 0.9999992569016276, 0.9999999999984626, 1, -0.8427007929497149, 1,
            -1, NAN),
        within(2e-15));
  }

  @Test
  void comparisonsAndChoices() {
    assertThat(unary(X.less(1).toFloat(), 0, 1, NAN, -INF)).containsExactly(1, 0, 0, 1);
    assertThat(unary(X.equal(Expr.constant(1)).toFloat(), 0, 1, NAN)).containsExactly(0, 1, 0);
    assertThat(unary(X.less(1).where(X.mul(10), X.neg()), 0.5, 3, NAN)).containsExactly(5, -3, NAN);
  }

  @Test
  void integersWrapAndStayExact() {
    int max = Integer.MAX_VALUE;
    int min = Integer.MIN_VALUE;
    assertThat(ints(I.add(J), new int[] {max, 16777217, -1}, new int[] {1, 0, 1})).containsExactly(min, 16777217, 0);
    assertThat(ints(I.sub(J), new int[] {min}, new int[] {1})).containsExactly(max);
    assertThat(ints(I.mul(J), new int[] {65536, 46341, min}, new int[] {65536, 46341, -1})).containsExactly(0,
        -2147479015, min);
    assertThat(ints(I.neg(), new int[] {min, 5}, new int[] {0, 0})).containsExactly(min, -5);
    assertThat(ints(I.abs(), new int[] {min, -5}, new int[] {0, 0})).containsExactly(min, 5);
    assertThat(ints(I.max(J), new int[] {16777217}, new int[] {16777216})).containsExactly(16777217);
    assertThat(ints(I.min(J), new int[] {-7}, new int[] {3})).containsExactly(-7);
    assertThat(ints(I.less(J), new int[] {16777216, 3}, new int[] {16777217, 3})).containsExactly(1, 0);
  }

  @Test
  void conversionsToInt() {
    assertThat(
        run(Pointwise.of("toInt", Program.of(1, X.toInt())), operand(DType.F64, of(1.9, -1.9, 1e10, -1e10, NAN), 5)))
        .containsExactly(1, -1, Integer.MAX_VALUE, Integer.MIN_VALUE, 0);
  }

  @Test
  void storingRoundsOnlyWhereTheTypeSaysSo() {
    double[] third = {1, 1 + 0x1p-8, 1 + 3 * 0x1p-8, 1 + 0x1p-8 + 0x1p-20};
    assertThat(run(Pointwise.of("div", Program.of(1, X.div(3))), f32(third, 4))[0]).isEqualTo(1.0 / 3);
    assertThat(run(Pointwise.of("bf16", Program.IDENTITY, Launch.NONE, DType.BF16), f32(third, 4)))
        .containsExactly(1, 1, 1 + 0x1p-6, 1 + 0x1p-7);
    Pointwise toU8 = new Pointwise("u8", Program.identity(Kind.INT), List.of(DType.U8), Launch.NONE);
    assertThat(run(toU8, i32(300, -1, 255))).containsExactly(44, 255, 255);
  }

  @Test
  void readingRoundsToTheElementType() {
    Operand third = f32(of(0, 0), 2);
    ReferenceBackend.values(third.storage())[1] = 1.0 / 3;
    HostArray got = HostArray.zeros(DType.F32, 1);
    oracle.read(third.storage(), 1, got.data());
    assertThat(got.get(0)).isEqualTo(1 / 3f);
  }

  @Test
  void argumentsAreSinglePrecision() {
    Pointwise op = Pointwise.of("argument", Program.of(1, Expr.argument(0).add(X)), Launch.of(0.1), DType.F64);
    assertThat(run(op, operand(DType.F64, of(0), 1))).containsExactly(0.1f);
  }

  /**
   * Random123, kat_vectors: counter and key 0. The number belongs to the logical position, wherever it lies in
   * memory.
   */
  @Test
  void randomNumbersFollowRowMajorPositions() {
    Pointwise op = Pointwise.of("draw", Program.of(2, Expr.random(J, 0)), Launch.random(0), DType.F32);
    Storage s = oracle.allocate(DType.F32, 6);
    Operand transposed = new Operand(s, Layout.contiguous(Shape.of(3, 2)).permute(1, 0));
    oracle.execute(new Call(op, List.of(f32(new double[6], 2, 3), i32(0)), List.of(transposed), null));
    double[] held = ReferenceBackend.values(s);
    assertThat(of(held[0], held[2], held[4], held[1])).containsExactly((0x6627e8d5 >>> 8) * 0x1p-24,
        (0xe169c58d >>> 8) * 0x1p-24,
        (0xbc57ac4c >>> 8) * 0x1p-24, (0x9b00dbd8 >>> 8) * 0x1p-24);
  }

  @Test
  void reductions() {
    Operand x = f32(of(3, -1, 2, 7, 7, -9), 2, 3);
    assertThat(run(Reduce.of(Reduce.Kind.SUM, List.of(1), Kind.FLOAT), x)).containsExactly(4, 5);
    assertThat(run(Reduce.of(Reduce.Kind.SUM, List.of(0), Kind.FLOAT), x)).containsExactly(10, 6, -7);
    assertThat(run(Reduce.of(Reduce.Kind.SUM, List.of(0, 1), Kind.FLOAT), x)).containsExactly(9);
    assertThat(run(Reduce.of(Reduce.Kind.SUM, List.of(), Kind.FLOAT), x)).containsExactly(3, -1, 2, 7, 7, -9);
    assertThat(run(Reduce.of(Reduce.Kind.MAX, List.of(1), Kind.FLOAT), x)).containsExactly(3, 7);
    assertThat(run(Reduce.of(Reduce.Kind.MIN, List.of(0), Kind.FLOAT), x)).containsExactly(3, -1, -9);
    assertThat(run(Reduce.of(Reduce.Kind.ARGMAX, List.of(1), Kind.FLOAT), x)).containsExactly(0, 0);
    assertThat(run(Reduce.of(Reduce.Kind.ARGMIN, List.of(0), Kind.FLOAT), x)).containsExactly(0, 0, 1);
    assertThat(run(Reduce.sum(List.of(1), Program.of(2, X.mul(Y))), x, f32(of(1, 10, 100), 3))).containsExactly(193,
        -823);
    Operand cube = f32(of(1, 2, 3, 4, 5, 6, 7, 8), 2, 2, 2);
    assertThat(run(Reduce.of(Reduce.Kind.SUM, List.of(0, 2), Kind.FLOAT), cube)).containsExactly(14, 22);
    assertThat(run(Reduce.of(Reduce.Kind.SUM, List.of(1), Kind.FLOAT), cube)).containsExactly(4, 6, 12, 14);
  }

  @Test
  void reductionsOfSpecialValues() {
    Operand x = f32(of(1, NAN, INF, NAN, -INF, -INF, -INF, -INF), 2, 4);
    assertThat(run(Reduce.of(Reduce.Kind.MAX, List.of(1), Kind.FLOAT), x)).containsExactly(NAN, -INF);
    assertThat(run(Reduce.of(Reduce.Kind.MIN, List.of(1), Kind.FLOAT), x)).containsExactly(NAN, -INF);
    assertThat(run(Reduce.of(Reduce.Kind.ARGMAX, List.of(1), Kind.FLOAT), x)).containsExactly(1, 0);
    assertThat(run(Reduce.of(Reduce.Kind.ARGMIN, List.of(1), Kind.FLOAT), x)).containsExactly(1, 0);
    assertThat(run(Reduce.of(Reduce.Kind.SUM, List.of(0), Kind.FLOAT), f32(of(), 0, 2))).containsExactly(0, 0);
    assertThat(run(Reduce.of(Reduce.Kind.SUM, List.of(0), Kind.INT), i32(Integer.MAX_VALUE, 2, 16777217)))
        .containsExactly(-2130706430);
    assertThat(run(Reduce.of(Reduce.Kind.MAX, List.of(0), Kind.INT), i32(16777216, 16777217, -5)))
        .containsExactly(16777217);
  }

  @Test
  void matrixProducts() {
    Operand a = f32(of(1, 2, 3, 4, 5, 6), 2, 3);
    Operand b = f32(of(7, 8, 9, 10, 11, 12), 3, 2);
    assertThat(run(new MatMul(false), a, b)).containsExactly(58, 64, 139, 154);
    Operand transposed = new Operand(a.storage(), a.layout().permute(1, 0));
    assertThat(run(new MatMul(false), a, transposed)).containsExactly(14, 32, 32, 77);
    Operand c = f32(of(1000, 2000, 3000, 4000), 2, 2);
    oracle.execute(new Call(new MatMul(true), List.of(a, b), List.of(c), null));
    assertThat(ReferenceBackend.values(c.storage())).containsExactly(1058, 2064, 3139, 4154);
    Operand left = f32(of(1, 2, 3, 4), 2, 1, 2);
    Operand right = f32(of(5, 6, 7, 8), 2, 2, 1);
    assertThat(run(new MatMul(false), left, right)).containsExactly(17, 53);
    assertThat(run(new MatMul(false), f32(of(), 1, 0), f32(of(), 0, 2))).containsExactly(0, 0);
    assertThat(run(new MatMul(false), f32(of(0), 1, 1), f32(of(INF), 1, 1))).containsExactly(NAN);
  }

  @Test
  void convolutions() {
    Operand x = f32(of(1, 2, 3, 4, 5, 6, 7, 8, 9), 1, 1, 3, 3);
    Operand w = f32(of(1, 10, 100, 1000), 1, 1, 2, 2);
    assertThat(run(new Conv2d(ConvGeometry.of(1, 0)), x, w)).containsExactly(5421, 6532, 8754, 9865);
    assertThat(run(new Conv2d(ConvGeometry.of(2, 1)), x, w)).containsExactly(1000, 3200, 7040, 9865);
    assertThat(run(new Conv2d(new ConvGeometry(1, 1, 0, 0, 2, 2, 1)), x, w)).containsExactly(9731);
    Operand row = f32(of(1, 10), 1, 1, 1, 2);
    assertThat(run(new Conv2d(new ConvGeometry(2, 1, 0, 1, 1, 1, 1)), x, row)).containsExactly(10, 21, 32, 3, 70, 87,
        98, 9);
    Operand channels = f32(of(1, 2, 3, 4), 1, 4, 1, 1);
    assertThat(run(new Conv2d(ConvGeometry.of(1, 0)), channels, f32(of(1, 10, 100, 1000, 1, 1, 1, 1), 2, 4, 1, 1)))
        .containsExactly(4321, 10);
    assertThat(run(new Conv2d(new ConvGeometry(1, 1, 0, 0, 1, 1, 2)), channels, f32(of(1, 10, 100, 1000), 2, 2, 1, 1)))
        .containsExactly(21, 4300);
  }

  @Test
  void gradientsOfConvolutions() {
    Operand w = f32(of(1, 10, 100, 1000), 1, 1, 2, 2);
    Operand g = f32(of(1, 2, 3, 4), 1, 1, 2, 2);
    assertThat(run(new Conv2dGradInput(ConvGeometry.of(1, 0), 3, 3), g, w)).containsExactly(1, 12, 20, 103, 1234, 2040,
        300, 3400, 4000);
    assertThat(run(new Conv2dGradInput(ConvGeometry.of(2, 1), 3, 3), g, w)).containsExactly(1000, 200, 2000, 30, 4, 40,
        3000, 400, 4000);
    Operand x = f32(of(1, 2, 3, 4, 5, 6, 7, 8, 9), 1, 1, 3, 3);
    assertThat(run(new Conv2dGradWeight(ConvGeometry.of(1, 0), 2, 2), x, g)).containsExactly(37, 47, 67, 77);
    assertThat(run(new Conv2dGradWeight(ConvGeometry.of(2, 1), 2, 2), x, g)).containsExactly(20, 36, 36, 64);
    Operand grouped = f32(of(10, 100), 1, 2, 1, 1);
    ConvGeometry two = new ConvGeometry(1, 1, 0, 0, 1, 1, 2);
    assertThat(run(new Conv2dGradInput(two, 1, 1), grouped, f32(of(1, 2, 3, 4), 2, 2, 1, 1))).containsExactly(10, 20,
        300, 400);
    assertThat(run(new Conv2dGradWeight(two, 1, 1), f32(of(1, 2, 3, 4), 1, 4, 1, 1), grouped)).containsExactly(10, 20,
        300, 400);
  }

  @Test
  void pooling() {
    Operand x = f32(of(1, 2, 3, 4, 5, 6, 7, 8, 9), 1, 1, 3, 3);
    Operand g = f32(of(36, 360, 3600, 36000), 1, 1, 2, 2);
    PoolGeometry max = new PoolGeometry(PoolGeometry.Kind.MAX, 2, 2, 2, 2, 1, 1);
    PoolGeometry all = new PoolGeometry(PoolGeometry.Kind.AVERAGE, 2, 2, 2, 2, 1, 1);
    PoolGeometry inside = new PoolGeometry(PoolGeometry.Kind.AVERAGE_INSIDE, 2, 2, 2, 2, 1, 1);
    assertThat(run(new Pool2d(max), x)).containsExactly(1, 3, 7, 9);
    assertThat(run(new Pool2d(all), x)).containsExactly(0.25, 1.25, 2.75, 7);
    assertThat(run(new Pool2d(inside), x)).containsExactly(1, 2.5, 5.5, 7);
    assertThat(run(new Pool2dGrad(max), x, g)).containsExactly(36, 0, 360, 0, 0, 0, 3600, 0, 36000);
    assertThat(run(new Pool2dGrad(all), x, g)).containsExactly(9, 90, 90, 900, 9000, 9000, 900, 9000, 9000);
    assertThat(run(new Pool2dGrad(inside), x, g)).containsExactly(36, 180, 180, 1800, 9000, 9000, 1800, 9000, 9000);
  }

  @Test
  void theFirstMaximumOrTheFirstNanTakesTheGradient() {
    PoolGeometry two = PoolGeometry.of(PoolGeometry.Kind.MAX, 2);
    Operand x = f32(of(5, 5, INF, NAN, 5, 5, NAN, INF), 1, 1, 2, 4);
    assertThat(run(new Pool2d(two), x)).containsExactly(5, NAN);
    assertThat(run(new Pool2dGrad(two), x, f32(of(1, 2), 1, 1, 1, 2))).containsExactly(1, 0, 0, 2, 0, 0, 0, 0);
    PoolGeometry overlapping = new PoolGeometry(PoolGeometry.Kind.MAX, 1, 2, 1, 1, 0, 0);
    assertThat(run(new Pool2dGrad(overlapping), f32(of(1, 7, 2), 1, 1, 1, 3), f32(of(10, 1), 1, 1, 1, 2)))
        .containsExactly(0, 11, 0);
  }

  @Test
  void rows() {
    Operand table = f32(of(1, 2, 3, 4, 5, 6), 3, 2);
    assertThat(run(new Gather(), table, i32(2, 0, 2))).containsExactly(5, 6, 1, 2, 5, 6);
    assertThat(run(new Gather(), operand(DType.BOOL, of(0, 1), 2, 1), i32(1, 0, 1))).containsExactly(1, 0, 1);
    assertThat(run(new ScatterAdd(4), table, i32(3, 0, 3))).containsExactly(3, 4, 0, 0, 0, 0, 6, 8);
    assertThatThrownBy(() -> run(new Gather(), table, i32(0, 3))).isInstanceOf(IndexOutOfBoundsException.class)
        .hasMessage("index 3 at position 1 is outside the 3 rows");
    assertThatThrownBy(() -> run(new ScatterAdd(2), table, i32(0, 1, -1))).isInstanceOf(IndexOutOfBoundsException.class)
        .hasMessage("index -1 at position 2 is outside the 2 rows");
  }

  @Test
  void cumulativeSums() {
    Operand x = f32(of(1, 2, 3, 10, 20, 30), 2, 3);
    assertThat(run(new CumulativeSum(1, false), x)).containsExactly(1, 3, 6, 10, 30, 60);
    assertThat(run(new CumulativeSum(1, true), x)).containsExactly(6, 5, 3, 60, 50, 30);
    assertThat(run(new CumulativeSum(0, false), x)).containsExactly(1, 2, 3, 11, 22, 33);
    assertThat(run(new CumulativeSum(0, true), x)).containsExactly(11, 22, 33, 10, 20, 30);
  }

  @Test
  void crossEntropy() {
    Operand logits = f32(of(1, 2, 3, 10_000, -10_000, 9_999, 0, -INF, 0), 3, 3);
    Operand labels = i32(0, 7, 1);
    assertThat(run(0, new SoftmaxCrossEntropy(), logits, labels))
        .containsExactly(of(2.40760596444438, 10_000.31326168752, INF), within(1e-11));
    double[] total = run(1, new SoftmaxCrossEntropy(), logits, labels);
    assertThat(total).containsExactly(of(3.40760596444438, 10_000.31326168752, 0.6931471805599453), within(1e-11));
    double[] grad =
        run(new SoftmaxCrossEntropyGrad(), logits, labels, operand(DType.F32, total, 3, 1), f32(of(1, 2, 10), 3));
    assertThat(grad)
        .containsExactly(of(0.0900305731703805 - 1, 0.244728471054798, 0.665240955774822, 1.4621171572600098, 0,
            0.5378828427399902, 5, -10, 5), within(1e-3));
    assertThat(Arrays.copyOf(grad, 3)).containsExactly(of(0.0900305731703805 - 1, 0.244728471054798, 0.665240955774822),
        within(1e-6));
  }

  @Test
  void unclaimedCompositesAreRefused() {
    ReferenceBackend plain = new ReferenceBackend();
    assertThat(plain.supports(new SoftmaxCrossEntropy())).isFalse();
    assertThat(new ReferenceBackend(Set.of(SoftmaxCrossEntropy.class)).supports(new SoftmaxCrossEntropy())).isTrue();
    assertThat(new ReferenceBackend(Set.of(SoftmaxCrossEntropy.class)).supports(new SoftmaxCrossEntropyGrad()))
        .isFalse();
    Call call = new Call(new SoftmaxCrossEntropy(), List.of(f32(of(1), 1, 1), i32(0)),
        List.of(f32(of(0), 1), f32(of(0), 1, 1)), null);
    assertThatThrownBy(() -> plain.execute(call)).isInstanceOf(IllegalArgumentException.class)
        .hasMessage("this oracle does not claim SoftmaxCrossEntropy");
  }

  @Test
  void callsWithWrongOutputsAreRefused() {
    Call call = new Call(new MatMul(false), List.of(f32(of(1, 2), 1, 2), f32(of(1, 2), 2, 1)),
        List.of(f32(of(0, 0), 1, 2)), null);
    assertThatThrownBy(() -> oracle.execute(call)).isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("F32[1, 1]")
        .hasMessageContaining("F32[1, 2]");
  }
}
