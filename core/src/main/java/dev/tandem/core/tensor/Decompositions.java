package dev.tandem.core.tensor;

import dev.tandem.core.op.Composite;
import dev.tandem.core.op.Normalize;
import dev.tandem.core.op.NormalizeGrad;
import dev.tandem.core.op.Recurrent;
import dev.tandem.core.op.RecurrentGrad;
import dev.tandem.core.op.Reduce;
import dev.tandem.core.op.SoftmaxCrossEntropy;
import dev.tandem.core.op.SoftmaxCrossEntropyGrad;
import dev.tandem.core.pointwise.Expr;
import dev.tandem.core.pointwise.Launch;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.DType.Kind;
import java.util.ArrayList;
import java.util.List;

/** The slow twin of every forward composite, its results only. Written with tensors, so that the tape differentiates it for nothing. */
public final class Decompositions {
  private static final Expr X = Expr.input(0);
  private static final Expr Y = Expr.input(1);
  private static final Program EXP_OF_DIFFERENCE = Program.of(2, X.sub(Y).exp());
  private static final Program LOG_PLUS = Program.of(2, X.log().add(Y));
  private static final Program PICK =
      Program.of(3, Expr.input(1, Kind.INT).equal(Expr.input(2, Kind.INT)).where(X, Expr.constant(0)));

  private Decompositions() {
  }

  /** The results of {@code op}, made of mandatory operations. */
  public static List<Tensor> of(Composite op, List<Tensor> in) {
    Scope scope = Scope.current();
    return scope == null ? decompose(op, in) : scope.frame(op.name(), () -> decompose(op, in), ArrayList::new);
  }

  private static List<Tensor> decompose(Composite op, List<Tensor> in) {
    return switch (op) {
      case SoftmaxCrossEntropy s -> softmaxCrossEntropy(in.get(0), in.get(1));
      case Recurrent r -> RecurrentDecomposition.of(r, in);
      case SoftmaxCrossEntropyGrad g -> throw gradient();
      case RecurrentGrad g -> throw gradient();
      case Normalize n -> NormalizeDecomposition.of(n, in);
      case NormalizeGrad g -> throw gradient();
    };
  }

  private static IllegalStateException gradient() {
    return new IllegalStateException(
        "a composite's gradient is executed only where a backend claims it; elsewhere it comes from the tape");
  }

  private static List<Tensor> softmaxCrossEntropy(Tensor logits, Tensor labels) {
    int n = logits.shape().dim(0);
    int classes = logits.shape().dim(1);
    List<Integer> rows = List.of(1);
    Tensor max = Execution.one(Reduce.of(Reduce.Kind.MAX, rows, Kind.FLOAT), logits.detach());
    Tensor sum = Tensor.sumOf(rows, EXP_OF_DIFFERENCE, Launch.NONE, logits, max);
    Tensor logSumExp = Tensor.pointwise("logSumExp", LOG_PLUS, sum, max);
    Tensor picked =
        Tensor.sumOf(rows, PICK, Launch.NONE, logits, Tensor.arange(logits.device(), classes), labels.reshape(n, 1));
    return List.of(logSumExp.sub(picked).reshape(n));
  }
}
