package dev.tandem.core.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.tandem.core.autograd.Gradients;
import dev.tandem.core.autograd.Tape;
import dev.tandem.core.backend.Call;
import dev.tandem.core.op.Conv2d;
import dev.tandem.core.op.ConvGeometry;
import dev.tandem.core.op.MatMul;
import dev.tandem.core.op.Op;
import dev.tandem.core.op.Pointwise;
import dev.tandem.core.op.Precision;
import dev.tandem.core.op.Product;
import dev.tandem.core.op.Recurrent;
import dev.tandem.core.op.RecurrentGrad;
import dev.tandem.core.op.SoftmaxCrossEntropy;
import dev.tandem.core.pointwise.Launch;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.testing.ReferenceBackend;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** What a scope's precision does to the operations in it. */
class AutocastTest {
  /** 1 + 2^-9, which BF16 rounds to 1. */
  private static final float FINE = 1.001953125f;

  private final Device device = new Device(new ReferenceBackend(Set.of(Recurrent.class, RecurrentGrad.class)));
  private final Trace trace = new Trace();

  private Scope step(Precision precision) {
    return Scope.training(device, new StepArena(device, "step"), new Tape(), null, trace, precision);
  }

  private Tensor full(double value, int... dims) {
    return Tensor.full(device, value, dims).keep();
  }

  private List<Op> ops() {
    return trace.calls().stream().map(Call::op).toList();
  }

  private long casts() {
    return ops().stream().filter(op -> op instanceof Pointwise p && p.name().equals("toBF16")).count();
  }

  @Test
  void productsAreBf16OfRoundedOperands() {
    Tensor a = full(FINE, 2, 3);
    Tensor b = full(1, 3, 4);
    Tensor image = full(FINE, 1, 2, 4, 4);
    Tensor kernel = full(1, 3, 2, 3, 3);
    try (Scope _ = step(Precision.BF16)) {
      Tensor product = a.matmul(b);
      assertThat(product).hasToString("BF16[2, 4]");
      assertThat(product.toArray()).containsOnly(3);
      Tensor convolved = Execution.one(new Conv2d(ConvGeometry.of(1, 0)), image, kernel);
      assertThat(convolved).hasToString("BF16[1, 3, 2, 2]");
      assertThat(convolved.toArray()).containsOnly(18);
    }
    assertThat(a.matmul(b).toArray()).containsOnly(3 * FINE);
  }

  @Test
  void programsGiveTheTypeOfTheirLargeOperands() {
    try (Scope _ = step(Precision.BF16)) {
      Tensor x = full(1, 2, 3).to(DType.BF16);
      assertThat(x.add(full(1, 3)).dtype()).as("bias").isEqualTo(DType.BF16);
      assertThat(x.sub(full(1, 2, 1)).dtype()).as("row").isEqualTo(DType.BF16);
      assertThat(x.mul(full(1)).dtype()).as("number").isEqualTo(DType.BF16);
      assertThat(x.mul(2).tanh().dtype()).isEqualTo(DType.BF16);
      assertThat(x.add(full(1, 2, 3)).dtype()).as("residual").isEqualTo(DType.F32);
      assertThat(full(1, 3).to(DType.BF16).add(full(1, 2, 3)).dtype()).isEqualTo(DType.F32);
      assertThat(full(1, 1, 3).to(DType.BF16).add(full(1, 2, 1)).dtype()).as("neither").isEqualTo(DType.BF16);
      assertThat(x.to(DType.F32).dtype()).isEqualTo(DType.F32);
      assertThat(x.sum().dtype()).isEqualTo(DType.F32);
      assertThat(x.maxKeepDims(1).dtype()).isEqualTo(DType.F32);
      assertThat(x.softmax(1).dtype()).isEqualTo(DType.BF16);
      assertThat(x.greater(0).dtype()).isEqualTo(DType.BOOL);
      assertThat(full(1, 2).add(1).dtype()).isEqualTo(DType.F32);
      assertThat(Tensor.concat(0, x, full(1, 1, 3)).dtype()).isEqualTo(DType.F32);
      assertThat(Tensor.concat(0, x, x).dtype()).isEqualTo(DType.BF16);
      assertThatThrownBy(() -> x.add(full(1, 2))).isInstanceOf(ShapeException.class).hasMessageStartingWith("add of ");
    }
    try (Scope _ = step(Precision.FP32)) {
      Tensor x = full(1, 2, 3).to(DType.BF16);
      assertThat(x.add(full(1, 3)).dtype()).isEqualTo(DType.F32);
      assertThatThrownBy(() -> x.matmul(full(1, 3, 4))).isInstanceOf(ShapeException.class)
          .hasMessageEndingWith("operands must be F32 (or all BF16); convert with to(DType.F32)");
      assertThatThrownBy(() -> Tensor.concat(0, x, full(1, 1, 3))).isInstanceOf(ShapeException.class);
      assertThat(x.matmul(full(1, 3, 4).to(DType.BF16)).dtype()).as("asked for").isEqualTo(DType.BF16);
    }
  }

  @Test
  void whatTakesF32OnlyIsGivenF32() {
    try (Scope _ = step(Precision.BF16)) {
      Tensor x = full(FINE, 2, 3).to(DType.BF16);
      assertThat(x.cumsum(1).dtype()).isEqualTo(DType.F32);
      Tensor labels = Tensor.of(device, new int[] {0, 2}, 2);
      assertThat(Execution.one(new SoftmaxCrossEntropy(), x, labels).dtype()).isEqualTo(DType.F32);
    }
  }

  /** BF16 holds 8 bits: sums of gradients in it would stop at 256 times their terms. */
  @Test
  void aWeightIsCastOnceAndItsGradientsAddUpInF32() {
    Tensor weight = full(1, 1, 1).requireGrad();
    Tensor x = full(1, 1, 1);
    try (Scope _ = step(Precision.BF16)) {
      Tensor sum = Tensor.zeros(device);
      for (int i = 0; i < 300; i++) {
        sum = sum.add(x.matmul(weight).sum());
      }
      assertThat(casts()).as("one of the weight, one of x").isEqualTo(2);
      Tensor g = Gradients.of(sum).get(weight);
      assertThat(g).isNotNull().hasToString("F32[1, 1]");
      assertThat(g.item()).isEqualTo(300);
    }
  }

  @Test
  void viewsOfOneLayoutShareACastAndOthersDoNot() {
    Tensor weight = full(1, 2, 2).requireGrad();
    Tensor x = full(1, 2, 2).requireGrad();
    try (Scope _ = step(Precision.BF16)) {
      x.matmul(weight.transpose(0, 1));
      x.matmul(weight.transpose(0, 1));
      assertThat(casts()).isEqualTo(2);
      x.matmul(weight);
      assertThat(casts()).isEqualTo(3);
    }
  }

  @Test
  void anOverwrittenWeightIsCastAnew() {
    Tensor weight = full(1, 1, 1).requireGrad();
    Tensor x = full(1, 1, 1);
    try (Scope _ = step(Precision.BF16)) {
      assertThat(x.matmul(weight).item()).isEqualTo(1);
      weight.assign(full(2, 1, 1));
      assertThat(x.matmul(weight).item()).isEqualTo(2);
      assertThat(casts()).isEqualTo(3);
    }
  }

  /** Of a weight until the scope ends; of what was made in it as long as its frame lasts, or the tape that has saved it. */
  @Test
  void castsLiveAsLongAsTheyAreOfUse() {
    Tensor weight = full(1, 64, 64).requireGrad();
    Tensor input = full(1, 64, 64);
    try (Scope scope = Scope.inference(device, Precision.BF16)) {
      for (int i = 0; i < 10; i++) {
        Tensor x = input.mul(2);
        scope.frame("layer", () -> x.matmul(weight), List::of);
      }
      assertThat(scope.autocast().copies()).as("casts that can still be used").isEqualTo(1);
      assertThat(scope.arena().bytes()).as("ten F32 inputs, ten BF16 results and two casts")
          .isEqualTo(64 * 64 * (10 * 4 + 12 * 2));
    }
    try (Scope scope = step(Precision.BF16)) {
      Tensor x = input.mul(2);
      for (int i = 0; i < 10; i++) {
        scope.frame("layer", () -> x.matmul(weight), List::of);
      }
      assertThat(casts()).isEqualTo(2);
    }
  }

  /** The gradient of an F32 operand is what the F32 operand of the product would have got, rounded. */
  @Test
  void gradientsOfF32LeavesAreF32AndGoToTheirDestination() {
    Tensor destination = Tensor.persistentZeros(device, full(1, 3, 4).spec(), "gradients");
    Tensor weight = full(0.5, 3, 4).requireGrad(destination);
    Tensor x = full(FINE, 2, 3).requireGrad();
    try (Scope _ = step(Precision.BF16)) {
      Tensor y = x.matmul(weight);
      Gradients gradients = Gradients.of(y.mul(y).sum());
      assertThat(gradients.get(weight)).isSameAs(destination);
      assertThat(destination.toArray()).containsOnly(6);
      Tensor ofX = gradients.get(x);
      assertThat(ofX).isNotNull().hasToString("F32[2, 3]");
      assertThat(ofX.toArray()).containsOnly(6);
      assertThat(ops().stream().filter(op -> op instanceof Pointwise p && p.name().equals("copy"))).isEmpty();
    }
  }

  @Test
  void productsOfATf32ScopeSaySoInBothDirections() {
    Tensor weight = full(1, 3, 4).requireGrad();
    Tensor image = full(1, 1, 2, 4, 4).requireGrad();
    Tensor kernel = full(1, 3, 2, 3, 3).requireGrad();
    for (Precision precision : List.of(Precision.TF32, Precision.FP32)) {
      int before = trace.calls().size();
      try (Scope _ = step(precision)) {
        Tensor product = full(FINE, 2, 3).matmul(weight);
        assertThat(product.toArray()).containsOnly(3 * FINE);
        Tensor y = Execution.one(new Conv2d(ConvGeometry.of(1, 0)), image, kernel);
        Gradients.of(product.sum().add(y.sum()));
        Execution.into(new MatMul(false), List.of(full(1, 2, 3), weight), List.of(full(1, 2, 4)));
      }
      List<Product> products = ops().subList(before, ops().size()).stream().filter(Product.class::isInstance)
          .map(Product.class::cast).toList();
      assertThat(products).hasSize(6).allMatch(p -> p.tf32() == (precision == Precision.TF32));
    }
  }

  /** A state that is carried from step to step stays F32; its products may be TF32. */
  @Test
  void recurrentSequencesAreF32WithTf32Products() {
    List<Tensor> in = new ArrayList<>(List.of(full(FINE, 3, 2, 4).to(DType.BF16), full(0, 2, 5), full(0.1, 5, 4),
        full(0.1, 5, 5), full(0, 5), full(0, 5)));
    in.set(2, in.get(2).requireGrad());
    try (Scope _ = step(Precision.BF16)) {
      List<Tensor> out =
          Execution.run(new Recurrent(Recurrent.Cell.RNN_TANH, false, false), in.toArray(Tensor[]::new));
      assertThat(out).allMatch(t -> t.dtype() == DType.F32);
      Gradients.of(out.get(0).sum());
    }
    assertThat(ops()).contains(new Recurrent(Recurrent.Cell.RNN_TANH, false, false, true),
        new RecurrentGrad(new Recurrent(Recurrent.Cell.RNN_TANH, false, false, true)));
  }

  /** 300 steps of a forget gate of 0.9985, which is 1 in BF16, leave 64% of the first state. */
  @Test
  void aDecomposedForgetGateForgets() {
    Device decomposing = new Device(new ReferenceBackend());
    int steps = 300;
    HostArray biases = HostArray.zeros(DType.F32, 4);
    biases.set(0, -100);
    biases.set(1, 6.5);
    Tensor zero = Tensor.zeros(decomposing, 4, 1);
    Tensor none = Tensor.zeros(decomposing, 4);
    Tensor x = Tensor.zeros(decomposing, steps, 1, 1);
    Tensor one = Tensor.ones(decomposing, 1, 1);
    Tensor h = Tensor.zeros(decomposing, 1, 1);
    Tensor b = Tensor.of(decomposing, biases);
    try (Scope _ = Scope.inference(decomposing, Precision.BF16)) {
      Tensor c = Execution.run(new Recurrent(Recurrent.Cell.LSTM, false, false), x, h, one, zero, zero, b, none).get(2);
      assertThat(c.itemAsDouble()).isCloseTo(Math.pow(1 / (1 + Math.exp(-6.5)), steps), within(1e-6));
    }
  }

  @Test
  void aBackendWithoutBf16RefusesBf16Products() {
    Device shapes = new ShapeOnly().device();
    Tensor x = Tensor.zeros(shapes, 3, 3).to(DType.BF16);
    assertThatThrownBy(() -> x.matmul(x)).isInstanceOf(ShapeException.class)
        .hasMessage("MatMul of [BF16[3, 3], BF16[3, 3]] on shapes: operands must be F32; convert with to(DType.F32)");
    assertThat(x.add(1).sum().dtype()).isEqualTo(DType.F32);
    assertThatThrownBy(() -> Scope.inference(shapes, Precision.BF16)).isInstanceOf(IllegalArgumentException.class)
        .hasMessage("shapes computes in fp32, not in bf16; choose that, or another device");
    assertThat(Scope.current()).isNull();
  }

  @Test
  void aProgramOfItsOwnKeepsTheTypesItNames() {
    try (Scope _ = step(Precision.BF16)) {
      Pointwise wide = new Pointwise("wide", Program.IDENTITY, List.of(DType.F32), Launch.NONE);
      assertThat(Execution.one(wide, full(1, 2).to(DType.BF16)).dtype()).isEqualTo(DType.F32);
    }
  }
}
