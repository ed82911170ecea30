package dev.tandem.core.op;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tandem.core.pointwise.Expr;
import dev.tandem.core.pointwise.Launch;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.DType.Kind;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.shape.Spec;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What operations make of their operands, and what they say when these do not fit. */
class OpTest {
  private static final Expr X = Expr.input(0);
  private static final Expr Y = Expr.input(1);
  private static final ConvGeometry PLAIN = ConvGeometry.of(1, 0);

  private static Spec f32(int... dims) {
    return new Spec(Shape.of(dims), DType.F32);
  }

  private static Spec f64(int... dims) {
    return new Spec(Shape.of(dims), DType.F64);
  }

  private static Spec bf16(int... dims) {
    return new Spec(Shape.of(dims), DType.BF16);
  }

  private static Spec i32(int... dims) {
    return new Spec(Shape.of(dims), DType.I32);
  }

  private static List<String> outputs(Op op, Spec... in) {
    return op.outputs(List.of(in)).stream().map(Spec::toString).toList();
  }

  private static void refused(String message, Op op, Spec... in) {
    assertThatThrownBy(() -> op.outputs(Arrays.asList(in))).isInstanceOf(ShapeException.class).hasMessage(message);
  }

  @Test
  void pointwise() {
    Pointwise add = Pointwise.of("add", Program.of(2, X.add(Y), X.less(Y), X.toInt()));
    assertThat(outputs(add, f32(3, 1), f32(4))).containsExactly("F32[3, 4]", "BOOL[3, 4]", "I32[3, 4]");
    assertThat(outputs(Pointwise.of("fill", Program.of(0, Expr.constant(1))))).containsExactly("F32[]");
    assertThat(outputs(Pointwise.of("cast", Program.IDENTITY, Launch.NONE, DType.BF16), f32(2)))
        .containsExactly("BF16[2]");
    refused("the program wants 2 inputs, got 1", add, f32(3));
    refused("axis 0 is 3 in one operand and 4 in another; broadcasting needs equal dimensions or 1", add, f32(3),
        f32(4));
    refused("operand 1 is I32 where a floating-point tensor is wanted; convert with to(DType.F32)", add, f32(3),
        i32(3));
    Pointwise where = Pointwise.of("where",
        Program.of(2, Expr.input(0, Kind.BOOL).where(Expr.input(1, Kind.INT), Expr.constant(0, Kind.INT))));
    refused("operand 0 is F32 where a BOOL tensor is wanted; compare, or convert with to(DType.BOOL)", where, f32(3),
        i32(3));
    refused("operand 1 is F32 where integers are wanted; convert with to(DType.I32)", where,
        new Spec(Shape.of(3), DType.BOOL), f32(3));
    Pointwise many = Pointwise.of("many", Program.of(15, X, Y));
    refused("more than 16 operands", many, Collections.nCopies(15, f32(1)).toArray(Spec[]::new));
  }

  @Test
  void pointwiseTypesMustFitTheProgram() {
    assertThatThrownBy(() -> new Pointwise("p", Program.IDENTITY, List.of(DType.I32), Launch.NONE))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("output 0 of p is FLOAT, not I32");
    assertThatThrownBy(() -> new Pointwise("p", Program.IDENTITY, List.of(), Launch.NONE))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("0 dtypes for 1 outputs of p");
  }

  @Test
  void reduce() {
    assertThat(outputs(Reduce.of(Reduce.Kind.SUM, List.of(2, 0), Kind.FLOAT), f32(2, 3, 4)))
        .containsExactly("F32[1, 3, 1]");
    assertThat(outputs(Reduce.of(Reduce.Kind.MAX, List.of(1), Kind.INT), new Spec(Shape.of(2, 3), DType.U8)))
        .containsExactly("I32[2, 1]");
    assertThat(outputs(Reduce.of(Reduce.Kind.ARGMIN, List.of(0), Kind.FLOAT), f32(2, 3))).containsExactly("I32[1, 3]");
    assertThat(outputs(Reduce.of(Reduce.Kind.SUM, List.of(0), Kind.FLOAT), f64(2))).containsExactly("F64[1]");
    assertThat(outputs(Reduce.sum(List.of(0), Program.of(2, X.mul(Y))), f32(3, 1), f32(4)))
        .containsExactly("F32[1, 4]");
    assertThat(outputs(Reduce.of(Reduce.Kind.SUM, List.of(0), Kind.FLOAT), f32(0, 3))).containsExactly("F32[1, 3]");
    assertThat(Reduce.of(Reduce.Kind.SUM, List.of(2, 0, 2), Kind.FLOAT))
        .isEqualTo(Reduce.of(Reduce.Kind.SUM, List.of(0, 2), Kind.FLOAT))
        .hasToString("sum[0, 2]");
    refused("there is no max of no elements: axes [0] of [0, 3]", Reduce.of(Reduce.Kind.MAX, List.of(0), Kind.FLOAT),
        f32(0, 3));
    refused("a position is along one axis, not 2", Reduce.of(Reduce.Kind.ARGMAX, List.of(0, 1), Kind.FLOAT), f32(2, 3));
    refused("axis 2 of [2, 3], which has rank 2", Reduce.of(Reduce.Kind.SUM, List.of(2), Kind.FLOAT), f32(2, 3));
    refused("operand 0 is I32 where a floating-point tensor is wanted; convert with to(DType.F32)",
        Reduce.of(Reduce.Kind.SUM, List.of(0), Kind.FLOAT), i32(2));
    assertThatThrownBy(() -> Reduce.of(Reduce.Kind.SUM, List.of(0), Kind.BOOL))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("the prologue of a reduction gives one FLOAT or INT value");
  }

  @Test
  void matMul() {
    MatMul op = new MatMul(false);
    assertThat(outputs(op, f32(2, 3), f32(3, 5))).containsExactly("F32[2, 5]");
    assertThat(outputs(op, f64(7, 2, 0), f64(7, 0, 5))).containsExactly("F64[7, 2, 5]");
    refused("columns of the first (8) and rows of the second (9) disagree", op, f32(2, 8), f32(9, 3));
    refused("columns of the first (8) and rows of the second (9) disagree; transpose the second?", op, f32(2, 8),
        f32(9, 8));
    refused("columns of the first (8) and rows of the second (2) disagree; transpose the first?", op, f32(2, 8),
        f32(2, 3));
    refused("operands need the same rank, at least 2", op, f32(8), f32(8, 3));
    refused("operands need the same rank, at least 2", op, f32(5, 2, 8), f32(8, 3));
    refused("batch axis 0 is 5 in the first and 4 in the second", op, f32(5, 2, 8), f32(4, 8, 3));
    refused("operands must be F32; convert with to(DType.F32)", op, f32(2, 8), i32(8, 3));
    refused("operands must be F32 (or all F64); convert with to(DType.F32)", op, f32(2, 8), f64(8, 3));
    refused("wants 2 operands (two matrices), got 1", op, f32(2, 8));
  }

  @Test
  void convolutions() {
    assertThat(outputs(new Conv2d(new ConvGeometry(2, 1, 1, 0, 1, 2, 2)), f32(5, 4, 9, 12), f32(6, 2, 3, 2)))
        .containsExactly("F32[5, 6, 5, 10]");
    assertThat(outputs(new Conv2dGradInput(ConvGeometry.of(2, 1), 9, 10), f32(5, 6, 5, 5), f32(6, 4, 3, 3)))
        .containsExactly("F32[5, 4, 9, 10]");
    assertThat(outputs(new Conv2dGradWeight(ConvGeometry.of(2, 1), 3, 3), f32(5, 4, 9, 10), f32(5, 6, 5, 5)))
        .containsExactly("F32[6, 4, 3, 3]");
    refused("the image has 3 channels and the weight wants 4", new Conv2d(PLAIN), f32(1, 3, 8, 8), f32(2, 4, 3, 3));
    refused("the image must be [N, C, H, W]", new Conv2d(PLAIN), f32(3, 8, 8), f32(2, 3, 3, 3));
    refused("the weight must be [O, C / groups, KH, KW]", new Conv2d(PLAIN), f32(1, 3, 8, 8), f32(3, 3));
    refused("a kernel reaching over 5 rows does not fit an image of 4; pad it", new Conv2d(PLAIN), f32(1, 3, 4, 9),
        f32(2, 3, 5, 5));
    refused("a kernel reaching over 9 columns does not fit an image of 4 padded by 2",
        new Conv2d(new ConvGeometry(1, 1, 0, 2, 1, 2, 1)),
        f32(1, 3, 9, 4), f32(2, 3, 5, 5));
    refused("3 output channels do not fall into 2 groups", new Conv2d(new ConvGeometry(1, 1, 0, 0, 1, 1, 2)),
        f32(1, 4, 8, 8), f32(3, 2, 3, 3));
    refused("an image [5, 4, 9, 9] gives [5, 6, 7, 7], not [5, 6, 5, 5]", new Conv2dGradInput(PLAIN, 9, 9),
        f32(5, 6, 5, 5), f32(6, 4, 3, 3));
    refused("image [5, 4, 9, 9] and weight [6, 4, 3, 3] give [5, 6, 7, 7], not [5, 6, 5, 5]",
        new Conv2dGradWeight(PLAIN, 3, 3), f32(5, 4, 9, 9),
        f32(5, 6, 5, 5));
    refused("the channels of the image do not fall into the groups",
        new Conv2dGradWeight(new ConvGeometry(1, 1, 0, 0, 1, 1, 2), 3, 3),
        f32(5, 3, 9, 9), f32(5, 6, 7, 7));
  }

  @Test
  void geometriesAreChecked() {
    assertThatThrownBy(() -> ConvGeometry.of(0, 0)).isInstanceOf(ShapeException.class)
        .hasMessage("strides must be positive");
    assertThatThrownBy(() -> ConvGeometry.of(1, -1)).hasMessage("padding must not be negative");
    assertThatThrownBy(() -> new ConvGeometry(1, 1, 0, 0, 0, 1, 1)).hasMessage("dilations must be positive");
    assertThatThrownBy(() -> new ConvGeometry(1, 1, 0, 0, 1, 1, 0)).hasMessage("groups must be positive");
    assertThatThrownBy(() -> PoolGeometry.of(PoolGeometry.Kind.MAX, 0))
        .hasMessage("windows and strides must be positive");
    assertThatThrownBy(() -> new PoolGeometry(PoolGeometry.Kind.MAX, 2, 2, 2, 2, 2, 0))
        .hasMessage("padding must lie between 0 and half the window");
  }

  @Test
  void pooling() {
    PoolGeometry g = new PoolGeometry(PoolGeometry.Kind.MAX, 3, 3, 2, 2, 1, 1);
    assertThat(outputs(new Pool2d(g), f32(2, 3, 9, 10))).containsExactly("F32[2, 3, 5, 5]");
    assertThat(outputs(new Pool2dGrad(g), f32(2, 3, 9, 10), f32(2, 3, 5, 5))).containsExactly("F32[2, 3, 9, 10]");
    refused("a window of 3 x 3 does not fit an image of 2 x 9", new Pool2d(PoolGeometry.of(PoolGeometry.Kind.MAX, 3)),
        f32(1, 1, 2, 9));
    refused("the image must be [N, C, H, W]", new Pool2d(g), f32(9, 9));
    refused("image [2, 3, 9, 10] gives [2, 3, 5, 5], not [2, 3, 4, 5]", new Pool2dGrad(g), f32(2, 3, 9, 10),
        f32(2, 3, 4, 5));
  }

  @Test
  void rows() {
    assertThat(outputs(new Gather(), new Spec(Shape.of(10, 4), DType.BOOL), i32(3))).containsExactly("BOOL[3, 4]");
    assertThat(outputs(new ScatterAdd(10), f32(3, 4), i32(3))).containsExactly("F32[10, 4]");
    assertThat(outputs(new CumulativeSum(1, true), f32(3, 4))).containsExactly("F32[3, 4]");
    refused("wants table [V, D] and indices [N]", new Gather(), f32(10, 4, 2), i32(3));
    refused("indices must be I32, not F32; convert with to(DType.I32)", new Gather(), f32(10, 4), f32(3));
    refused("wants values [N, D] and indices [N]", new ScatterAdd(10), f32(3), i32(3));
    refused("3 rows of values and 4 indices", new ScatterAdd(10), f32(3, 4), i32(4));
    refused("operands must be F32; convert with to(DType.F32)", new ScatterAdd(10), i32(3, 4), i32(3));
    refused("axis 2 of [3, 4], which has rank 2", new CumulativeSum(2, false), f32(3, 4));
    assertThatThrownBy(() -> new ScatterAdd(-1)).isInstanceOf(ShapeException.class)
        .hasMessage("rows must not be negative");
  }

  @Test
  void softmaxCrossEntropy() {
    SoftmaxCrossEntropy op = new SoftmaxCrossEntropy();
    assertThat(outputs(op, f32(5, 10), i32(5))).containsExactly("F32[5]", "F32[5, 1]");
    assertThat(op.results(2)).isEqualTo(1);
    assertThat(outputs(new SoftmaxCrossEntropyGrad(), f32(5, 10), i32(5), f32(5, 1), f32(5)))
        .containsExactly("F32[5, 10]");
    refused("logits must be [N, C]", op, f32(5), i32(5));
    refused("logits must be [N, C]", op, f32(5, 0), i32(5));
    refused("labels must be I32 class indices, not F32", op, f32(5, 10), f32(5));
    refused("labels must be [5], one class index per row of the logits, not [5, 10]", op, f32(5, 10), i32(5, 10));
  }

  @Test
  void bf16() {
    assertThat(outputs(new MatMul(false), bf16(2, 3), bf16(3, 5))).containsExactly("BF16[2, 5]");
    assertThat(outputs(new Conv2d(PLAIN), bf16(2, 3, 8, 8), bf16(4, 3, 3, 3))).containsExactly("BF16[2, 4, 6, 6]");
    assertThat(outputs(new ScatterAdd(10), bf16(3, 4), i32(3))).containsExactly("BF16[10, 4]");
    assertThat(outputs(new Pool2d(PoolGeometry.of(PoolGeometry.Kind.MAX, 2)), bf16(1, 1, 4, 4)))
        .containsExactly("BF16[1, 1, 2, 2]");
    assertThat(outputs(Reduce.of(Reduce.Kind.MAX, List.of(0), Kind.FLOAT), bf16(3, 4))).containsExactly("F32[1, 4]");
    Normalize norm = new Normalize(List.of(0), 1e-5, true);
    assertThat(outputs(norm, bf16(3, 4), f32(1, 4), f32(1, 4)))
        .containsExactly("BF16[3, 4]", "F32[1, 4]", "F32[1, 4]");
    assertThat(outputs(norm.gradient(), bf16(3, 4), f32(1, 4), f32(1, 4), f32(1, 4), bf16(3, 4)))
        .containsExactly("BF16[3, 4]", "F32[1, 4]", "F32[1, 4]");
    String wide = "operands must be F32; convert with to(DType.F32)";
    String mixed = "operands must be F32 (or all BF16); convert with to(DType.F32)";
    refused(mixed, new MatMul(false), bf16(2, 3), f32(3, 5));
    refused(mixed, norm.gradient(), bf16(3, 4), f32(1, 4), f32(1, 4), f32(1, 4), f32(3, 4));
    refused(mixed, norm, bf16(3, 4), bf16(1, 4), f32(1, 4));
    refused(wide, new CumulativeSum(0, false), bf16(3));
    refused(wide, new SoftmaxCrossEntropy(), bf16(5, 10), i32(5));
    refused(wide, new Recurrent(Recurrent.Cell.RNN_TANH, false, false), bf16(1, 2, 3), bf16(2, 4), bf16(4, 3),
        bf16(4, 4), bf16(4), bf16(4));
  }

  /** Plans and caches are kept by equality. */
  @Test
  void precisionIsPartOfAProduct() {
    List<Product> products = List.of(new MatMul(true), new Conv2d(PLAIN), new Conv2dGradInput(PLAIN, 9, 8),
        new Conv2dGradWeight(PLAIN, 3, 2), new Recurrent(Recurrent.Cell.GRU, true, true),
        new RecurrentGrad(new Recurrent(Recurrent.Cell.GRU, true, true)));
    for (Product p : products) {
      assertThat(p.tf32()).isFalse();
      assertThat(p.withTf32(true).tf32()).isTrue();
      assertThat(p.withTf32(true)).isNotEqualTo(p);
      assertThat(p.withTf32(true).withTf32(false)).isEqualTo(p);
    }
  }

  @Test
  void equalRecordsAreTheSameWork() {
    assertThat(Pointwise.of("relu", Program.of(1, X.max(0))))
        .isEqualTo(Pointwise.of("relu", Program.of(1, Expr.input(0).max(0))));
    assertThat(new MatMul(true)).isNotEqualTo(new MatMul(false));
    assertThat(new Conv2d(ConvGeometry.of(1, 1))).isEqualTo(new Conv2d(ConvGeometry.of(1, 1)))
        .isNotEqualTo(new Conv2d(PLAIN));
    assertThat(new MatMul(false).name()).isEqualTo("MatMul");
    assertThat(Reduce.of(Reduce.Kind.ARGMAX, List.of(0), Kind.FLOAT).name()).isEqualTo("argmax");
  }
}
