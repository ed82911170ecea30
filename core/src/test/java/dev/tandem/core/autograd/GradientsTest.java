package dev.tandem.core.autograd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tandem.core.nn.Linear;
import dev.tandem.core.nn.Module;
import dev.tandem.core.nn.Sequential;
import dev.tandem.core.nn.Sigmoid;
import dev.tandem.core.op.MatMul;
import dev.tandem.core.op.Pointwise;
import dev.tandem.core.pointwise.Expr;
import dev.tandem.core.pointwise.Launch;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.tensor.Execution;
import dev.tandem.core.tensor.Scope;
import dev.tandem.core.tensor.StepArena;
import dev.tandem.core.tensor.Tensor;
import dev.tandem.core.tensor.Trace;
import dev.tandem.core.testing.ReferenceBackend;
import java.util.List;
import org.junit.jupiter.api.Test;

class GradientsTest {
  private final Device device = new Device(new ReferenceBackend());

  private Scope step() {
    return Scope.training(device, new StepArena(device, "step"), new Tape(), null, null);
  }

  private Tensor leaf(float... values) {
    return Tensor.of(device, values, values.length).requireGrad();
  }

  @Test
  void everyUseOfATensorCounts() {
    Tensor x = leaf(2, 3);
    try (Scope _ = step()) {
      Tensor y = x.mul(x).add(x).add(x.mul(4));
      assertThat(Gradients.of(y.add(y).sum()).get(x).toArray()).containsExactly(18, 22);
    }
  }

  @Test
  void aGradientHasTheShapeAndDTypeOfItsLeaf() {
    Tensor row = Tensor.of(device, new float[] {1, 2, 3}, 1, 3).requireGrad();
    Tensor half = row.detach().to(DType.BF16).requireGrad();
    try (Scope _ = step()) {
      Gradients g = Gradients.of(row.mul(half).expand(4, 3).mul(2).sum());
      assertThat(g.get(row).spec()).isEqualTo(row.spec());
      assertThat(g.get(half).spec()).isEqualTo(half.spec());
      assertThat(g.get(row).toArray()).containsExactly(8, 16, 24);
    }
  }

  /** A program over two operands that lie across each other is slow. */
  @Test
  void theGradientOfASumLiesAsItsInputDoes() {
    Tensor x = Tensor.of(device, new float[24], 2, 3, 4).permute(0, 2, 1).requireGrad();
    try (Scope _ = step()) {
      assertThat(Gradients.of(x.sum()).get(x).layout()).isEqualTo(x.layout());
    }
  }

  /** The gradient of a mean is one number, which the gradient of what is averaged reads as it is. */
  @Test
  void theGradientOfAMeanIsNotWrittenForEveryElement() {
    Tensor x = leaf(1, 2, 3, 4);
    Trace trace = new Trace();
    try (Scope _ = Scope.training(device, new StepArena(device, "step"), new Tape(), null, trace)) {
      Gradients g = Gradients.of(x.mul(leaf(8, 16, 24, 32).detach()).mean());
      assertThat(g.get(x).toArray()).containsExactly(2, 4, 6, 8);
    }
    assertThat(trace.calls().stream().filter(c -> c.op().name().equals("gradient"))
        .map(c -> c.out().getFirst().shape().size())).containsExactly(1L, 4L);
  }

  @Test
  void whatDoesNotReadARepeatedGradientGetsADenseOne() {
    Tensor a = Tensor.of(device, new float[] {1, 2, 3, 4}, 2, 2).requireGrad();
    Tensor b = Tensor.of(device, new float[] {1, 10, 100, 1000}, 2, 2);
    Trace trace = new Trace();
    try (Scope _ = Scope.training(device, new StepArena(device, "step"), new Tape(), null, trace)) {
      Gradients g = Gradients.of(a.matmul(b).add(1).sum());
      assertThat(g.get(a).toArray()).containsExactly(11, 1100, 11, 1100);
    }
    assertThat(trace.calls().stream().filter(c -> c.op() instanceof MatMul).flatMap(c -> c.in().stream()))
        .hasSize(4).allMatch(o -> o.layout().denseLikeThis() != null);
  }

  @Test
  void nothingFlowsThroughDetachAndTensorsThatWantNone() {
    Tensor x = leaf(2);
    Tensor constant = Tensor.full(device, 5, 1);
    try (Scope _ = step()) {
      Gradients g = Gradients.of(x.mul(x.detach()).mul(constant));
      assertThat(g.get(x).toArray()).containsExactly(10);
      assertThat(g.get(constant)).isNull();
      assertThat(g.get(x.detach())).isNull();
    }
    assertThat(x.detach().requiresGrad()).isFalse();
    assertThat(constant.detach()).isSameAs(constant);
  }

  @Test
  void aLeafIsAHandleNotMemory() {
    Tensor x = Tensor.of(device, new float[] {3}, 1);
    Tensor a = x.requireGrad();
    Tensor b = x.requireGrad();
    assertThat(x.requiresGrad()).isFalse();
    assertThat(a.lease()).isSameAs(x.lease());
    try (Scope _ = step()) {
      Gradients g = Gradients.of(a.mul(b).mul(a).sum());
      assertThat(g.get(a).item()).isEqualTo(18);
      assertThat(g.get(b).item()).isEqualTo(9);
      assertThat(g.get(x)).isNull();
    }
  }

  @Test
  void aLossMayHaveAnyShapeOfOneElement() {
    Tensor x = leaf(2);
    try (Scope _ = step()) {
      assertThat(Gradients.of(x.square().reshape(1, 1)).get(x).item()).isEqualTo(4);
      assertThat(Gradients.of(x.square().sum()).get(x).item()).isEqualTo(4);
    }
  }

  @Test
  void aLossOfSeveralElementsIsRefused() {
    Tensor x = leaf(1, 2);
    try (Scope _ = step()) {
      assertThatThrownBy(() -> Gradients.of(x.square())).isInstanceOf(ShapeException.class)
          .hasMessage("the loss must be a single number, not F32[2]; take its mean() or sum()");
    }
  }

  private static final String NO_GRADIENT =
      ": it depends on no parameter, or an earlier Gradients.of of this step consumed its tape;"
          + " add losses up and call it once, or run the forward pass again";

  @Test
  void aLossThatDependsOnNothingIsRefused() {
    Tensor x = leaf(1, 2);
    try (Scope _ = step()) {
      assertThatThrownBy(() -> Gradients.of(Tensor.ones(device, 2).sum())).isInstanceOf(IllegalStateException.class)
          .hasMessage("no gradient flows to F32[]" + NO_GRADIENT);
      assertThatThrownBy(() -> Gradients.of(x.detach().sum())).isInstanceOf(IllegalStateException.class);
      assertThatThrownBy(() -> Gradients.of(x.argmax(0))).isInstanceOf(IllegalStateException.class)
          .hasMessage("no gradient flows to I32[]" + NO_GRADIENT);
    }
  }

  @Test
  void outsideAStepThereIsNoTape() {
    Tensor x = leaf(1);
    assertThat(x.square().requiresGrad()).isFalse();
    String message = "Gradients.of works only inside a training step; run it in the body of a TrainStep";
    assertThatThrownBy(() -> Gradients.of(x.square())).isInstanceOf(IllegalStateException.class).hasMessage(message);
    try (Scope _ = Scope.inference(device)) {
      assertThatThrownBy(() -> Gradients.of(x.square())).isInstanceOf(IllegalStateException.class).hasMessage(message);
    }
  }

  @Test
  void aTapeIsConsumedOnce() {
    Tensor x = leaf(1, 2);
    try (Scope _ = step()) {
      Tensor loss = x.square().sum();
      Gradients.of(loss);
      assertThatThrownBy(() -> Gradients.of(loss)).isInstanceOf(IllegalStateException.class)
          .hasMessage("no gradient flows to F32[]" + NO_GRADIENT);
    }
  }

  @Test
  void aGradientDoesNotEndSilentlyAtAConsumedTape() {
    Tensor x = leaf(1, 2);
    try (Scope _ = step()) {
      Tensor shared = x.square();
      Gradients.of(shared.sum());
      assertThat(shared.mul(2).toArray()).containsExactly(2, 8);
      assertThatThrownBy(() -> Gradients.of(shared.exp().sum())).isInstanceOf(IllegalStateException.class)
          .hasMessage(
              "the gradient reaches F32[2], computed before an earlier Gradients.of of this step consumed its tape;"
                  + " detach() it, add the losses up and call Gradients.of once, or compute it again");
    }
    try (Scope _ = step()) {
      Tensor shared = x.square();
      Gradients.of(shared.sum());
      assertThat(Gradients.of(shared.detach().mul(x).sum()).get(x).toArray()).containsExactly(1, 4);
    }
  }

  @Test
  void gradientsOfSeveralPassesAddUp() {
    Tensor x = leaf(1, 2);
    Tensor y = leaf(3, 4);
    Tensor z = leaf(5, 6);
    try (Scope _ = step()) {
      Gradients first = Gradients.of(x.mul(y).sum());
      Gradients sum = first.plus(Gradients.of(x.mul(z).sum())).plus(Gradients.of(x.sum()));
      assertThat(sum.get(x).toArray()).containsExactly(9, 11);
      assertThat(sum.get(y).toArray()).containsExactly(1, 2);
      assertThat(sum.get(z).toArray()).containsExactly(1, 2);
      assertThat(first.get(x).toArray()).containsExactly(3, 4);
      assertThat(first.get(z)).isNull();
    }
  }

  @Test
  void aValueThatIsOverwrittenBeforeItIsReadIsRefused() {
    Tensor x = leaf(1, 2);
    Tensor w = leaf(3, 4);
    try (Scope _ = step()) {
      Tensor loss = x.mul(w).sum();
      w.detach().assign(Tensor.ones(device, 2));
      assertThatThrownBy(() -> Gradients.of(loss)).isInstanceOf(IllegalStateException.class)
          .hasMessage("F32[2], which the gradient of mul reads, was overwritten between forward and backward;"
              + " update parameters after Gradients.of, or save a copy");
    }
    try (Scope _ = step()) {
      Tensor loss = x.add(w).sum();
      w.slice(0, 0, 1).write(new float[] {7});
      assertThat(Gradients.of(loss).get(w).toArray()).as("addition reads nothing").containsExactly(1, 1);
    }
  }

  @Test
  void anOverwrittenOutputAndAViewOfItAreNoticedInsideAModel() {
    Module model = new Sequential(new Linear(2, 2), new Sigmoid());
    model.on(device, 1);
    try (Scope _ = step()) {
      Tensor y = model.apply(Tensor.ones(device, 1, 2));
      Tensor loss = y.sum();
      y.detach().transpose(0, 1).slice(0, 1, 2).assign(Tensor.zeros(device, 1, 1));
      assertThatThrownBy(() -> Gradients.of(loss)).isInstanceOf(IllegalStateException.class)
          .hasMessage(
              "F32[1, 2], which the gradient of Sequential.1: sigmoid reads, was overwritten between forward and backward;"
                  + " update parameters after Gradients.of, or save a copy");
    }
  }

  @Test
  void outputsThatAreIntegersCarryNoGradient() {
    Tensor x = leaf(-1, 2);
    Expr in = Expr.input(0);
    Program program = Program.of(1, in.less(0), in.toInt(), in.mul(in));
    try (Scope _ = step()) {
      List<Tensor> out = Execution.run(Pointwise.of("several", program, Launch.NONE, DType.F32), x);
      assertThat(out).extracting(Tensor::requiresGrad).containsExactly(false, false, true);
      Tensor y = Tensor.where(out.get(0), out.get(2).mul(3), out.get(1).to(DType.F32));
      assertThat(Gradients.of(y.sum()).get(x).toArray()).containsExactly(-6, 0);
    }
    try (Scope _ = step()) {
      assertThat(x.argmax(0).requiresGrad()).isFalse();
      assertThat(x.greater(0).requiresGrad()).isFalse();
      assertThat(x.to(DType.I32).to(DType.F32).requiresGrad()).isFalse();
    }
  }

  @Test
  void aConstantFunctionHasNoGradient() {
    Tensor x = leaf(1, 2);
    try (Scope _ = step()) {
      assertThat(Gradients.of(x.pow(0).sum()).get(x)).isNull();
      assertThat(Gradients.of(x.floor().add(x).sum()).get(x).toArray()).containsExactly(1, 1);
    }
  }

  @Test
  void theGradientByAnIntermediateTensorIsNotOffered() {
    Tensor x = leaf(1, 2);
    try (Scope _ = step()) {
      Tensor middle = x.square();
      Tensor view = middle.reshape(2, 1);
      Gradients g = Gradients.of(view.sum());
      assertThat(g.get(middle)).isNull();
      assertThat(g.get(view)).isNull();
      assertThat(g.get(x)).isNotNull();
    }
  }

  @Test
  void gradientsDoNotRequireGradients() {
    Tensor x = leaf(1, 2);
    try (Scope _ = step()) {
      Tensor g = Gradients.of(x.square().sum()).get(x);
      assertThat(g.requiresGrad()).isFalse();
      assertThat(g.mul(x).requiresGrad()).isTrue();
      assertThat(Gradients.of(g.mul(x).sum()).get(x).toArray()).as("as a constant").containsExactly(2, 4);
    }
  }

  @Test
  void extremesThatTieShareTheGradient() {
    Tensor x = leaf(3, 1, 3, 3);
    try (Scope _ = step()) {
      assertThat(Gradients.of(x.max().mul(6)).get(x).toArray()).containsExactly(2, 0, 2, 2);
      assertThat(Gradients.of(x.minKeepDims(0)).get(x).toArray()).containsExactly(0, 1, 0, 0);
    }
  }

  @Test
  void inputsThatTheCallerReplacesLaterStayAsTheyWere() {
    Tensor x = leaf(2);
    Tensor y = leaf(5);
    Tensor[] in = {x, y};
    try (Scope _ = step()) {
      Tensor product = Tensor.pointwise("product", Program.of(2, Expr.input(0).mul(Expr.input(1))), in);
      in[0] = y;
      Gradients g = Gradients.of(product);
      assertThat(g.get(x).item()).isEqualTo(5);
      assertThat(g.get(y).item()).isEqualTo(2);
    }
  }

  @Test
  void leavesMayShareOneGradientOfEmptyAndScalarShapes() {
    Tensor scalar = Tensor.full(device, 3).requireGrad();
    Tensor empty = Tensor.zeros(device, 0, 2).requireGrad();
    try (Scope _ = step()) {
      Gradients g = Gradients.of(scalar.add(empty.sum()));
      assertThat(g.get(scalar).item()).isEqualTo(1);
      assertThat(g.get(empty).shape()).isEqualTo(Shape.of(0, 2));
    }
  }
}
