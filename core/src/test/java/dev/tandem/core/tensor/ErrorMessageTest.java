package dev.tandem.core.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.tandem.core.autograd.Tape;
import dev.tandem.core.nn.Linear;
import dev.tandem.core.nn.Module;
import dev.tandem.core.nn.Relu;
import dev.tandem.core.nn.Sequential;
import dev.tandem.core.op.Conv2d;
import dev.tandem.core.op.ConvGeometry;
import dev.tandem.core.op.SoftmaxCrossEntropy;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.testing.ReferenceBackend;
import java.util.function.UnaryOperator;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;

/** The exact words a user meets; the same on every backend but for the device's name. */
class ErrorMessageTest {
  private final Device device = new Device(new ReferenceBackend());
  private final Device other = new Device(new ReferenceBackend());

  private Tensor floats(int... dims) {
    return Tensor.zeros(device, dims);
  }

  private Tensor integers(int... dims) {
    return Tensor.zeros(device, dims).to(DType.I32);
  }

  private static void message(String expected, ThrowingCallable code) {
    assertThat(catchThrowableOfType(ShapeException.class, code)).as(expected).isNotNull().hasMessage(expected);
  }

  @Test
  void shapesThatDoNotBroadcast() {
    message(
        "add of [F32[2, 3], F32[4]] on reference: axis 1 is 3 in one operand and 4 in another; broadcasting needs equal dimensions or 1",
        () -> floats(2, 3).add(floats(4)));
    message(
        "where of [BOOL[2], F32[3], F32[3]] on reference: axis 0 is 2 in one operand and 3 in another; broadcasting needs equal"
            + " dimensions or 1",
        () -> Tensor.where(floats(2).to(DType.BOOL), floats(3), floats(3)));
  }

  @Test
  void productsWithHints() {
    message(
        "MatMul of [F32[2, 8], F32[9, 4]] on reference: columns of the first (8) and rows of the second (9) disagree",
        () -> floats(2, 8).matmul(floats(9, 4)));
    message(
        "MatMul of [F32[2, 8], F32[9, 8]] on reference: columns of the first (8) and rows of the second (9) disagree;"
            + " transpose the second?",
        () -> floats(2, 8).matmul(floats(9, 8)));
    message(
        "MatMul of [F32[9, 8], F32[9, 2]] on reference: columns of the first (8) and rows of the second (9) disagree;"
            + " transpose the first?",
        () -> floats(9, 8).matmul(floats(9, 2)));
    message(
        "matmul of F32[3, 2, 4] and F32[5, 4, 2]: leading dimensions: axis 0 is 3 in one operand and 5 in another; broadcasting"
            + " needs equal dimensions or 1",
        () -> floats(3, 2, 4).matmul(floats(5, 4, 2)));
    message("MatMul of [F32[], F32[2, 2]] on reference: operands need the same rank, at least 2",
        () -> floats().matmul(floats(2, 2)));
  }

  @Test
  void joinedReshapedAndPicked() {
    message("concat of [F32[2, 3], F32[3, 3]] along axis 1: dtypes, devices and all other dimensions must agree",
        () -> Tensor.concat(1, floats(2, 3), floats(3, 3)));
    message("concat of [F32[2, 3], I32[2, 3]] along axis -1: dtypes, devices and all other dimensions must agree",
        () -> Tensor.concat(-1, floats(2, 3), integers(2, 3)));
    message("reshape of [2, 3] to [4] changes the number of elements from 6 to 4", () -> floats(2, 3).reshape(4));
    message(
        "gather of [2, 3] along axis 1 by F32[2, 1]: the index must be I32 of the same rank, and no larger along the other axes",
        () -> floats(2, 3).gather(1, floats(2, 1)));
    message("axis 2 of [2, 3], which has rank 2", () -> floats(2, 3).softmax(2));
  }

  @Test
  void dtypesThatDoNotMix() {
    message(
        "add of [I32[2], F32[2]] on reference: operand 1 is F32 where integers are wanted; convert with to(DType.I32)",
        () -> integers(2).add(floats(2)));
    message(
        "exp of [I32[2]] on reference: operand 0 is I32 where a floating-point tensor is wanted; convert with to(DType.F32)",
        () -> integers(2).exp());
    message(
        "where of [F32[2], F32[2], F32[2]] on reference: operand 0 is F32 where a BOOL tensor is wanted; compare, or convert with"
            + " to(DType.BOOL)",
        () -> Tensor.where(floats(2), floats(2), floats(2)));
    message("MatMul of [F32[2, 2], I32[2, 2]] on reference: operands must be F32; convert with to(DType.F32)",
        () -> floats(2, 2).matmul(integers(2, 2)));
    message("Gather of [F32[3, 1], F32[2]] on reference: indices must be I32, not F32; convert with to(DType.I32)",
        () -> floats(3).indexSelect(0, floats(2)));
    message("SoftmaxCrossEntropy of [F32[2, 3], F32[2]] on reference: labels must be I32 class indices, not F32",
        () -> Execution.one(new SoftmaxCrossEntropy(), floats(2, 3), floats(2)));
    message(
        "SoftmaxCrossEntropy of [F32[2, 3], I32[3]] on reference: labels must be [2], one class index per row of the logits, not [3]",
        () -> Execution.one(new SoftmaxCrossEntropy(), floats(2, 3), integers(3)));
  }

  @Test
  void convolutions() {
    Conv2d conv = new Conv2d(ConvGeometry.of(1, 0));
    message(
        "Conv2d of [F32[1, 3, 5, 5], F32[4, 2, 3, 3]] on reference: the image has 3 channels and the weight wants 2",
        () -> Execution.one(conv, floats(1, 3, 5, 5), floats(4, 2, 3, 3)));
    message(
        "Conv2d of [F32[1, 3, 2, 5], F32[4, 3, 3, 3]] on reference: a kernel reaching over 3 rows does not fit an image of 2; pad it",
        () -> Execution.one(conv, floats(1, 3, 2, 5), floats(4, 3, 3, 3)));
  }

  @Test
  void operandsOnTwoDevices() {
    message(
        "add of [F32[2], F32[2]] on reference: operands lie on reference and on reference; move one with to(device)",
        () -> floats(2).add(Tensor.zeros(other, 2)));
    message("concat of [F32[2], F32[2]] along axis 0: dtypes, devices and all other dimensions must agree",
        () -> Tensor.concat(0, floats(2), Tensor.zeros(other, 2)));
    message("copy of [F32[2]] on reference: operands lie on reference and on reference; move one with to(device)",
        () -> floats(2).assign(Tensor.zeros(other, 2)));
    message("the gradient of F32[2] cannot be written to F32[2]", () -> floats(2).requireGrad(Tensor.zeros(other, 2)));
  }

  @Test
  void whatIsNoSingleNumberAndNoFloat() {
    message("item() of F32[2, 3], which has 6 elements; use toArray()", () -> floats(2, 3).item());
    message("item() of I32[0], which has 0 elements; use toArray()", () -> integers(0).item());
    message("I32[3] cannot require gradients: only floating-point tensors have them", () -> integers(3).requireGrad());
    message("the gradient of F32[3] cannot be written to F32[2]", () -> floats(3).requireGrad(floats(2)));
  }

  /** A module of one function, with a child of its own. */
  private static final class Wrapped extends Module {
    private final Module fc;

    Wrapped(Module fc) {
      this.fc = child("fc", fc);
    }

    @Override
    protected Tensor forward(Tensor x) {
      return fc.apply(x);
    }
  }

  private static final class Function extends Module {
    private final UnaryOperator<Tensor> f;

    Function(UnaryOperator<Tensor> f) {
      this.f = f;
    }

    @Override
    protected Tensor forward(Tensor x) {
      return f.apply(x);
    }
  }

  private void inModel(String expected, UnaryOperator<Tensor> f) {
    Module model = new Sequential(new Relu(), new Wrapped(new Function(f))).on(device, 1);
    message(expected, () -> model.apply(floats(2, 8)));
    try (Scope _ = Scope.training(device, new StepArena(device, "step"), new Tape(), null, null)) {
      message(expected, () -> model.apply(floats(2, 8).requireGrad()));
      assertThat(Scope.current()).extracting(Scope::path).isEqualTo("");
    }
    assertThat(Scope.current()).isNull();
  }

  @Test
  void operationsInsideAModelNameItsPath() {
    Module model = new Sequential(new Relu(), new Wrapped(new Linear(9, 2))).on(device, 1);
    message(
        "Sequential.1.fc: MatMul of [F32[2, 8], F32[9, 2]] on reference: columns of the first (8) and rows of the second (9) disagree",
        () -> model.apply(floats(2, 8)));
  }

  @Test
  void everyShapeErrorInsideAModelNamesItsPathOnce() {
    inModel(
        "Sequential.1.fc: add of [F32[2, 8], F32[3]] on reference: axis 1 is 8 in one operand and 3 in another; broadcasting needs"
            + " equal dimensions or 1",
        x -> x.add(floats(3)));
    inModel("Sequential.1.fc: reshape of [2, 8] to [3, 5] changes the number of elements from 16 to 15",
        x -> x.reshape(3, 5));
    inModel("Sequential.1.fc: reshape of [2, 8] to [3, -1]: no dimension fits for -1", x -> x.reshape(3, -1));
    inModel("Sequential.1.fc: cannot expand [2, 8] to [2, 9]", x -> x.expand(2, 9));
    inModel("Sequential.1.fc: slice 0..9 step 1 of axis 1 in [2, 8]", x -> x.slice(1, 0, 9));
    inModel("Sequential.1.fc: axis 2 of [2, 8], which has rank 2", x -> x.mean(2));
    inModel("Sequential.1.fc: squeeze of axis 0 of [2, 8], which is not 1", x -> x.squeeze(0));
    inModel("Sequential.1.fc: item() of F32[2, 8], which has 16 elements; use toArray()", x -> x.mul(x.item()));
    inModel(
        "Sequential.1.fc: concat of [F32[2, 8], F32[3]] along axis 0: dtypes, devices and all other dimensions must agree",
        x -> Tensor.concat(0, x, floats(3)));
  }

  @Test
  void indicesInsideAModelNameItsPath() {
    Module model = new Sequential(new Wrapped(new Function(x -> x.indexSelect(0, Tensor.of(device, new int[] {5}, 1)))))
        .on(device, 1);
    IndexOutOfBoundsException e =
        catchThrowableOfType(IndexOutOfBoundsException.class, () -> model.apply(floats(2, 8)));
    assertThat(e).hasMessage(
        "Sequential.0.fc: Gather of [F32[2, 8], I32[1]] on reference: index 5 at position 0 is outside the 2 rows");
  }
}
