package dev.tandem.core.autograd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.tandem.core.op.Reduce;
import dev.tandem.core.pointwise.Expr;
import dev.tandem.core.pointwise.Launch;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.tensor.Execution;
import dev.tandem.core.tensor.Scope;
import dev.tandem.core.tensor.StepArena;
import dev.tandem.core.tensor.Tensor;
import dev.tandem.core.testing.ReferenceBackend;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Gradients by leaves of the other float types, which have the dtype of their leaf. */
class FloatTypeGradientsTest {
  /** Multiples of 1/8, exact in BF16. */
  private static final double[] VALUES = {0.5, -1.25, 2, 0.125, -0.75, 1.5, -2.5, 0.25, 3.5, -0.375, 1.125, -1};

  record Case(String name, UnaryOperator<Tensor> f) {
    @Override
    public String toString() {
      return name;
    }
  }

  private static Tensor indices(Tensor x, int... values) {
    return Tensor.of(x.device(), values, values.length);
  }

  /** Of x [3, 4] in any float type. */
  static List<Case> anyType() {
    Expr x = Expr.input(0);
    Reduce squares =
        new Reduce(Reduce.Kind.MAX, List.of(1), Program.of(1, x.mul(x).mul(Expr.argument(0))), Launch.of(0.5));
    return List.of(new Case("exp", Tensor::exp),
        new Case("mul by a broadcast", t -> t.mul(t.select(1, 0).unsqueeze(1))),
        new Case("mul with F32", t -> t.mul(Tensor.full(t.device(), 3, 4))), new Case("sum", t -> t.square().sum(0)),
        new Case("mean", t -> t.square().mean(1)), new Case("variance", t -> t.variance(1)),
        new Case("max", t -> t.max(0)),
        new Case("max of squares", t -> Execution.one(squares, t)),
        new Case("slices", t -> t.slice(1, 0, 3).mul(t.slice(1, 1, 4))),
        new Case("expand", t -> t.sumKeepDims(0).to(t.dtype()).expand(3, 4).mul(t)),
        new Case("concat", t -> Tensor.concat(0, t, t.mul(2))),
        new Case("transpose and reshape", t -> t.transpose(0, 1).reshape(6, 2).square()),
        new Case("softmax", t -> t.softmax(1)),
        new Case("where", t -> Tensor.where(t.detach().greater(0), t.mul(2), t.square())),
        new Case("to F32", t -> t.to(DType.F32).square()),
        new Case("rows", t -> t.indexSelect(0, indices(t, 2, 0, 2))),
        new Case("gather", t -> t.gather(1, indices(t, 3, 3, 0).reshape(3, 1))),
        new Case("pad", t -> t.pad(0, 1, 1, 2).square()));
  }

  /** Of x [3, 4] in F64: products are for F32 and F64 only. */
  static List<Case> doubles() {
    return List.of(new Case("matmul", t -> t.matmul(t.transpose(0, 1))), new Case("cumsum", t -> t.cumsum(1).square()),
        new Case("scatterAdd", t -> t.scatterAdd(0, indices(t, 1, 1, 2, 0).reshape(1, 4), t.slice(0, 0, 1).square())),
        new Case("logSoftmax", t -> t.logSoftmax(0)),
        new Case("matmul of batches", t -> t.reshape(3, 2, 2).matmul(t.slice(0, 0, 1).reshape(2, 2))));
  }

  private static Tensor weighted(Tensor y) {
    int n = Math.toIntExact(y.shape().size());
    Tensor weights = Tensor.arange(y.device(), n).to(DType.F64).mul(0.375).sub(1).reshape(y.shape().dims());
    return y.to(DType.F64).mul(weights).sum();
  }

  private static double[] gradient(Device device, DType dtype, UnaryOperator<Tensor> f) {
    HostArray host = HostArray.zeros(dtype, 3, 4);
    for (int i = 0; i < VALUES.length; i++) {
      host.set(i, VALUES[i]);
    }
    Tensor leaf = Tensor.of(device, host).requireGrad();
    try (Scope _ = Scope.training(device, new StepArena(device, "step"), new Tape(), null, null)) {
      Tensor g = Gradients.of(weighted(f.apply(leaf))).get(leaf);
      assertThat(g.spec()).isEqualTo(leaf.spec());
      return g.toHost().toDoubles();
    }
  }

  private static double value(Device device, UnaryOperator<Tensor> f, int moved, double by) {
    double[] values = VALUES.clone();
    values[moved] += by;
    return weighted(f.apply(Tensor.of(device, HostArray.of(values, 3, 4)))).itemAsDouble();
  }

  @ParameterizedTest
  @MethodSource({"anyType", "doubles"})
  void doublesAgreeWithFiniteDifferencesElementByElement(Case c) {
    Device device = new Device(new ReferenceBackend());
    double[] gradient = gradient(device, DType.F64, c.f);
    double h = 0x1p-14;
    for (int i = 0; i < VALUES.length; i++) {
      double numeric = (value(device, c.f, i, h) - value(device, c.f, i, -h)) / (2 * h);
      // Central differences are wrong by h^2 = 4e-9 times a sixth of the third derivative.
      assertThat(gradient[i]).as("element %s", i).isCloseTo(numeric, within(1e-7 * Math.max(1, Math.abs(numeric))));
    }
  }

  @ParameterizedTest
  @MethodSource("anyType")
  void bfloatsGiveTheGradientOfFloatsRounded(Case c) {
    Device device = new Device(new ReferenceBackend());
    double[] floats = gradient(device, DType.F32, c.f);
    double[] rounded = gradient(device, DType.BF16, c.f);
    double largest = 0;
    for (double g : floats) {
      largest = Math.max(largest, Math.abs(g));
    }
    for (int i = 0; i < floats.length; i++) {
      // A BF16 number is off by at most 2^-9 of itself; the parts of a gradient are a few times larger than their sum.
      assertThat(rounded[i]).as("element %s", i).isCloseTo(floats[i], within(0x1p-6 * largest));
    }
  }
}
