package dev.tandem.core.nn;

import dev.tandem.core.pointwise.Expr;
import java.util.ArrayList;
import java.util.List;

/**
 * Loss functions with the formulas and the averaging of PyTorch. Nothing is broadcast: outputs and targets that do not
 * match are errors. Each loss may be used in several models and on several devices.
 */
public final class Losses {
  private static final Expr X = ElementwiseLoss.OUTPUT;
  private static final Expr Y = ElementwiseLoss.TARGET;
  private static final Expr ZERO = Expr.constant(0);
  private static final Expr ONE = Expr.constant(1);
  private static final Expr DIFFERENCE = X.sub(Y);

  private Losses() {
  }

  public static Loss mse() {
    return mse(Reduction.MEAN);
  }

  /** Squared difference. */
  public static Loss mse(Reduction reduction) {
    return new ElementwiseLoss("mse", DIFFERENCE.mul(DIFFERENCE), reduction);
  }

  public static Loss mae() {
    return mae(Reduction.MEAN);
  }

  /** Absolute difference; its gradient is 0 where both are equal. */
  public static Loss mae(Reduction reduction) {
    return new ElementwiseLoss("mae", DIFFERENCE.abs(), reduction);
  }

  public static Loss huber(double delta) {
    return huber(delta, Reduction.MEAN);
  }

  /** {@code d^2 / 2} for differences d up to {@code delta}, else {@code delta (|d| - delta / 2)}: Huber 1964. */
  public static Loss huber(double delta, Reduction reduction) {
    if (!(delta > 0)) {
      throw new IllegalArgumentException("huber with delta " + delta + "; it must be positive");
    }
    Expr d = DIFFERENCE.abs();
    Expr bounded = ElementwiseLoss.PARAMETER.min(d);
    return new ElementwiseLoss("huber", bounded.mul(d.sub(bounded.mul(0.5))), delta, List.of(), reduction, false);
  }

  public static Loss binaryCrossEntropyWithLogits() {
    return binaryCrossEntropyWithLogits(Reduction.MEAN);
  }

  /**
   * {@code -w y log(sigmoid(x)) - (1 - y) log(1 - sigmoid(x))} of logits x and targets y between 0 and 1, without
   * overflow or loss of digits.
   *
   * @param positiveWeight w, one number or one for each element of the last axis; 1 if none is given
   */
  public static Loss binaryCrossEntropyWithLogits(Reduction reduction, float... positiveWeight) {
    boolean weighted = positiveWeight.length > 0;
    Expr w = weighted ? ElementwiseLoss.WEIGHT : ONE;
    Expr positive = w.mul(Y);
    Expr negative = ONE.sub(Y);
    // softplus(x) = x + softplus(-x) takes both terms to the one that does not cancel.
    Expr linear = X.less(0).where(positive.mul(X).neg(), negative.mul(X));
    Expr loss = linear.add((weighted ? negative.add(positive) : ONE).mul(Activations.logOnePlusExpOfMinusAbs(X)));
    List<Float> weights = new ArrayList<>();
    for (float p : positiveWeight) {
      weights.add(p);
    }
    return new ElementwiseLoss("binaryCrossEntropyWithLogits", loss, 0, weights, reduction, false);
  }

  public static Loss binaryCrossEntropy() {
    return binaryCrossEntropy(Reduction.MEAN);
  }

  /**
   * {@code -y log(p) - (1 - y) log(1 - p)} of probabilities p and targets y between 0 and 1; logarithms of 0 count as
   * -100, with gradient 0, and a p outside 0 to 1 gives NaN. {@link #binaryCrossEntropyWithLogits} is more exact and
   * trains where this one is flat.
   */
  public static Loss binaryCrossEntropy(Reduction reduction) {
    Expr least = Expr.constant(-100);
    Expr never = X.abs().less(Float.MIN_NORMAL);
    Expr always = X.equal(ONE);
    Expr log = never.where(least, never.where(ONE, X).log());
    Expr logOfRest = always.where(least, always.where(Expr.constant(0), X).neg().log1p());
    Expr loss = Y.mul(log).add(ONE.sub(Y).mul(logOfRest)).neg();
    return new ElementwiseLoss("binaryCrossEntropy", loss, reduction);
  }

  /** {@link #klDivergence(boolean, Reduction)} from target probabilities, meaned over the examples. */
  public static Loss klDivergence() {
    return klDivergence(false, Reduction.MEAN);
  }

  /**
   * The divergence of Kullback and Leibler 1951, {@code p (log(p) - x)}, of log-probabilities x {@code [N, ...]}
   * from a target distribution p; where p is 0 it is 0. MEAN is the mean over the N examples of the sums over each,
   * which is the divergence itself and what PyTorch calls {@code batchmean}.
   *
   * @param logTargets whether targets are log(p), else p
   */
  public static Loss klDivergence(boolean logTargets, Reduction reduction) {
    Expr p = logTargets ? Y.exp() : Y;
    Expr never = p.equal(ZERO);
    // Where p is 0 its logarithm is -inf, whose product with 0 and with a gradient of 0 would be NaN.
    Expr log = logTargets ? never.where(ZERO, Y) : never.where(ONE, Y).log();
    Expr loss = never.where(ZERO, p.mul(log.sub(X)));
    return new ElementwiseLoss("klDivergence", loss, 0, List.of(), reduction, true);
  }

  public static Loss hinge() {
    return hinge(Reduction.MEAN);
  }

  /**
   * {@code max(0, 1 - y x)} of scores x and targets y that are -1 or 1: Cortes and Vapnik, Support-vector networks,
   * 1995.
   */
  public static Loss hinge(Reduction reduction) {
    return new ElementwiseLoss("hinge", ONE.sub(Y.mul(X)).max(ZERO), reduction);
  }

  /** {@link #multiMargin(int, double, Reduction)} with a margin of 1, not squared. */
  public static Loss multiMargin() {
    return multiMargin(1, 1, Reduction.MEAN);
  }

  /**
   * The hinge loss of several classes, {@code 1/C Σ_(i ≠ label) max(0, margin - x[label] + x[i])^power}: scores
   * {@code [N, C]} against I32 labels {@code [N]}. Weston and Watkins, Multi-class support vector machines, 1998.
   *
   * @param power 1 or 2
   */
  public static Loss multiMargin(int power, double margin, Reduction reduction) {
    return new MultiMarginLoss(power, margin, reduction);
  }

  public static Loss cosineSimilarity() {
    return cosineSimilarity(Reduction.MEAN);
  }

  /**
   * {@code 1 - cos(output, target)} along the last axis; for pairs that shall be unlike see {@link
   * CosineEmbeddingLoss}.
   */
  public static Loss cosineSimilarity(Reduction reduction) {
    return new CosineLoss(reduction);
  }

  /** {@link #crossEntropy(ClassificationOptions)} of equally weighted examples. */
  public static Loss crossEntropy() {
    return crossEntropy(ClassificationOptions.DEFAULT);
  }

  /**
   * {@code -log(softmax(logits)[label])}: logits {@code [N, C]} or {@code [N, C, d1, ...]} against I32 labels
   * {@code [N]} or {@code [N, d1, ...]}. Labels are not checked on the device: one that is neither a class nor ignored
   * gives a meaningless loss. A mean over examples none of which counts is NaN.
   */
  public static Loss crossEntropy(ClassificationOptions options) {
    return new ClassificationLoss("crossEntropy", true, options);
  }

  /** {@link #nll(ClassificationOptions)} of equally weighted examples. */
  public static Loss nll() {
    return nll(ClassificationOptions.DEFAULT);
  }

  /** {@link #crossEntropy} of log-probabilities, such as those of {@link LogSoftmax}. */
  public static Loss nll(ClassificationOptions options) {
    return new ClassificationLoss("nll", false, options);
  }
}
