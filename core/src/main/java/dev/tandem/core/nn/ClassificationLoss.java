package dev.tandem.core.nn;

import dev.tandem.core.op.SoftmaxCrossEntropy;
import dev.tandem.core.pointwise.Expr;
import dev.tandem.core.pointwise.Launch;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.DType.Kind;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.tensor.Execution;
import dev.tandem.core.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Negative log-likelihood of class labels, {@code [N, C] or [N, C, d1, ...]} against I32 {@code [N] or [N, d1, ...]}.
 * Works on one row of classes per label.
 */
final class ClassificationLoss extends FramedLoss {
  private static final List<Integer> CLASSES = List.of(1);
  private static final Expr ZERO = Expr.constant(0);
  private static final Program WEIGHTED =
      Program.of(2, Expr.input(1).equal(ZERO).where(ZERO, Expr.input(0).mul(Expr.input(1))));

  private final boolean logits;
  private final ClassificationOptions options;
  private final List<Float> classWeights;
  /** From log-probabilities [R, C], class numbers [C], labels [R, 1], class weights [C]: summands of a row's loss. */
  private final Program likelihood;
  /** From class numbers, labels and class weights: summands of a row's weight. Without weights from labels alone. */
  private final Program weight;

  /** @param logits whether outputs are logits, else log-probabilities */
  ClassificationLoss(String name, boolean logits, ClassificationOptions options) {
    super(name);
    this.logits = logits;
    this.options = options;
    classWeights = options.classWeights();
    boolean weighted = !classWeights.isEmpty();
    likelihood = Program.of(weighted ? 4 : 3, likelihood(1, weighted ? Expr.input(3) : Expr.constant(1)));
    weight = weighted ? Program.of(3, counted(1, isLabel(0).where(Expr.input(2), ZERO)))
        : Program.of(1, counted(0, Expr.constant(1)));
  }

  private Expr likelihood(int classes, Expr classWeight) {
    double smoothing = options.labelSmoothing();
    Expr term = Expr.input(0).mul(classWeight).neg();
    // No product with the truth value: 0 times the -inf of an impossible class would be NaN.
    Expr picked = isLabel(classes).where(smoothing == 0 ? term : term.mul(1 - smoothing), ZERO);
    return counted(classes + 1, smoothing == 0 ? picked : picked.add(term.mul(Expr.argument(0))));
  }

  private static Expr isLabel(int classes) {
    return Expr.input(classes, Kind.INT).equal(Expr.input(classes + 1, Kind.INT));
  }

  private Expr counted(int label, Expr value) {
    return options.ignoreIndex().isEmpty()
        ? value
        : Expr.input(label, Kind.INT).equal(Expr.constant(options.ignoreIndex().getAsInt(), Kind.INT)).where(ZERO,
            value);
  }

  @Override
  Tensor compute(Tensor scores, Tensor target) {
    check(scores, target);
    Tensor output = wide(scores);
    Shape shape = output.shape();
    int classes = shape.dim(1);
    int rows = Math.toIntExact(target.shape().size());
    Tensor table = shape.rank() == 2 ? output : classesLast(output).reshape(rows, classes);
    Tensor labels = target.reshape(rows);
    Tensor weights = weights(classes, labels);
    Tensor losses = logits && options.labelSmoothing() == 0
        ? weighted(Execution.run(new SoftmaxCrossEntropy(), table, labels).getFirst(), weights)
        : likelihoods(logits ? table.logSoftmax(1) : table, labels);
    return switch (options.reduction()) {
      case NONE -> losses.reshape(target.shape().dims());
      case SUM -> losses.sum();
      case MEAN -> weights == null ? losses.mean() : losses.sum().div(weights.sum());
    };
  }

  private void check(Tensor output, Tensor target) {
    Shape shape = output.shape();
    if (shape.rank() < 2 || shape.dim(1) == 0) {
      throw mistake(output, target, "the output must be [N, C] or [N, C, d1, ...] with C classes");
    }
    if (target.dtype() != DType.I32) {
      throw mistake(output, target, "labels must be I32 class indices" + (target.shape().equals(shape)
          ? "; of one-hot or other scores take argmax(1)"
          : "; convert them with to(DType.I32)"));
    }
    Shape wanted = shape.without(CLASSES);
    if (!target.shape().equals(wanted)) {
      throw mistake(output, target, "labels must be " + wanted + ", one for each row of " + shape.dim(1) + " classes"
          + (target.shape().size() == wanted.size() ? "; reshape them" : ""));
    }
    if (options.reduction() == Reduction.MEAN && target.shape().size() == 0) {
      throw mistake(output, target, "there is no mean of no examples");
    }
    if (!classWeights.isEmpty() && classWeights.size() != shape.dim(1)) {
      throw mistake(output, target, classWeights.size() + " class weights for " + shape.dim(1) + " classes");
    }
  }

  private static Tensor classesLast(Tensor x) {
    int rank = x.shape().rank();
    return x.permute(IntStream.range(0, rank).map(i -> i == 0 ? 0 : i == rank - 1 ? 1 : i + 1).toArray());
  }

  /** The weight of each row [R]; null if every row counts fully. */
  private @Nullable Tensor weights(int classes, Tensor labels) {
    if (!classWeights.isEmpty()) {
      Tensor numbers = Tensor.arange(labels.device(), classes);
      return Tensor
          .sumOf(CLASSES, weight, Launch.NONE, numbers, labels.unsqueeze(1),
              LossWeights.on(labels.device(), classWeights))
          .reshape(labels.shape().dims());
    }
    return options.ignoreIndex().isEmpty() ? null : Tensor.pointwise("counted", weight, labels);
  }

  /** An example that does not count stays out of the sum whatever its loss. */
  private static Tensor weighted(Tensor losses, @Nullable Tensor weights) {
    return weights == null ? losses : Tensor.pointwise("weighted", WEIGHTED, losses, weights);
  }

  /** Row losses [R], weighted, of log-probabilities [R, C]. */
  private Tensor likelihoods(Tensor logProbabilities, Tensor labels) {
    int classes = logProbabilities.shape().dim(1);
    List<Tensor> in =
        new ArrayList<>(List.of(logProbabilities, Tensor.arange(labels.device(), classes), labels.unsqueeze(1)));
    if (!classWeights.isEmpty()) {
      in.add(LossWeights.on(labels.device(), classWeights));
    }
    Launch spread = Launch.of(options.labelSmoothing() / classes);
    return Tensor.sumOf(CLASSES, likelihood, spread, in.toArray(Tensor[]::new)).reshape(labels.shape().dims());
  }
}
