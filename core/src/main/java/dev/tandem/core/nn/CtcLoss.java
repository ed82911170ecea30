package dev.tandem.core.nn;

import dev.tandem.core.pointwise.Expr;
import dev.tandem.core.pointwise.Launch;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.DType.Kind;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.tensor.Tensor;

/**
 * Connectionist temporal classification: the negative log-likelihood of a label sequence, summed over all its
 * alignments with a longer sequence of frames. Graves, Fernández, Gomez, Schmidhuber: Connectionist Temporal
 * Classification, ICML 2006, section 4.1, with sums of logarithms instead of rescaling. The gradient comes from the
 * tape. Forward and backward take a few small operations per frame.
 */
public final class CtcLoss {
  /** The logarithm of a probability of 0: finite, so that differences of two are 0 and not NaN. */
  private static final double NEVER = -1e30;
  private static final double IMPOSSIBLE = 1e29;
  private static final Expr A = Expr.input(0);
  private static final Expr B = Expr.input(1);

  /** Labels beyond the target's length become blanks: label, position, length, with the blank. */
  private static final Program MASK = Program.of(3, Expr.input(1, Kind.INT).less(Expr.input(2, Kind.INT))
      .where(Expr.input(0, Kind.INT), Expr.argument(0, Kind.INT)));
  /** Before the first frame, by column: all probability is in column 1, just before the first state. */
  private static final Program START = Program.of(1,
      Expr.input(0, Kind.INT).equal(Expr.constant(1, Kind.INT)).where(Expr.constant(0), Expr.constant(NEVER)));
  private static final Program FRAME = Program.of(6, frame());
  private static final Program LAST_COLUMN =
      Program.of(1, Expr.input(0, Kind.INT).mul(2).add(Expr.argument(0, Kind.INT)));
  private static final Program LIKELIHOOD = Program.of(2, likelihood());
  private static final Program PER_LABEL = Program.of(2, A.div(Expr.input(1, Kind.INT).max(1).toFloat()));

  private final int blank;
  private final Reduction reduction;
  private final boolean zeroInfinity;

  /** Class 0 is blank; the mean. */
  public CtcLoss() {
    this(0, Reduction.MEAN, false);
  }

  /**
   * @param blank the class that stands for no label
   * @param reduction MEAN divides each loss by the length of its target, as PyTorch does, and takes the mean
   * @param zeroInfinity whether targets too long for their input count 0 instead of infinity; they have no gradient
   *     either way
   */
  public CtcLoss(int blank, Reduction reduction, boolean zeroInfinity) {
    if (blank < 0) {
      throw new IllegalArgumentException("the blank is a class, 0 or more, not " + blank);
    }
    this.blank = blank;
    this.reduction = reduction;
    this.zeroInfinity = zeroInfinity;
  }

  /**
   * log(α) of a state after a frame (equation 6) from itself, its two predecessors, the frame, whether it may be
   * jumped to, and the input's length; argument 0 is the frame's number.
   */
  private static Expr frame() {
    Expr jump = Expr.input(4, Kind.BOOL).where(Expr.input(2), Expr.constant(NEVER));
    Expr most = A.max(B).max(jump);
    Expr sum = A.sub(most).exp().add(B.sub(most).exp()).add(jump.sub(most).exp());
    Expr after = most.add(sum.log()).add(Expr.input(3)).max(NEVER);
    return Expr.argument(0, Kind.INT).less(Expr.input(5, Kind.INT)).where(after, A);
  }

  /** The loss from the last two states (equation 8); argument 0 is that of an impossible target. */
  private static Expr likelihood() {
    Expr most = A.max(B);
    Expr loss = most.add(A.sub(most).exp().add(B.sub(most).exp()).log()).neg();
    return Expr.constant(IMPOSSIBLE).less(loss).where(Expr.argument(0), loss);
  }

  /**
   * The loss of {@code logProbabilities [T, N, C]}, such as those of {@link LogSoftmax}.
   *
   * @param targets I32 {@code [N, S]}: labels other than the blank; what follows a target's length is not read
   * @param inputLengths I32 {@code [N]}: frames of each input, 1 to T
   * @param targetLengths I32 {@code [N]}: labels of each target, 0 to S
   * @return F32 [], or {@code [N]} without reduction
   * @throws ShapeException if the shapes do not fit; lengths and labels are not checked on the device
   */
  public Tensor apply(Tensor logProbabilities, Tensor targets, Tensor inputLengths, Tensor targetLengths) {
    check(logProbabilities, targets, inputLengths, targetLengths);
    return FramedLoss.framed("ctc",
        () -> reduce(losses(FramedLoss.wide(logProbabilities), targets, inputLengths, targetLengths), targetLengths));
  }

  private Tensor reduce(Tensor losses, Tensor targetLengths) {
    return reduction.of(
        reduction == Reduction.MEAN ? Tensor.pointwise("perLabel", PER_LABEL, losses, targetLengths) : losses);
  }

  private Tensor losses(Tensor logProbabilities, Tensor targets, Tensor inputLengths, Tensor targetLengths) {
    int frames = logProbabilities.shape().dim(0);
    int n = logProbabilities.shape().dim(1);
    int states = 2 * targets.shape().dim(1) + 1;
    Tensor labels = labels(targets, targetLengths);
    Tensor before = labels.pad(1, 2, 0, -1);
    // Blanks equal the state two before and are never jumped to; the first label may be, from before the first frame.
    Tensor mayJump = labels.notEqualTo(before.slice(1, 0, states));
    Tensor emissions = logProbabilities.gather(2, labels.unsqueeze(0).expand(frames, n, states));
    Tensor lengths = inputLengths.unsqueeze(1);
    Tensor never = Tensor.full(targets.device(), NEVER).expand(n, 2);
    Tensor alpha =
        Tensor.pointwise("ctcStart", START, Tensor.arange(targets.device(), states + 2)).expand(n, states + 2);
    for (int t = 0; t < frames; t++) {
      Tensor next = Tensor.pointwise("ctcFrame", FRAME, Launch.of(t), alpha.slice(1, 2, states + 2),
          alpha.slice(1, 1, states + 1), alpha.slice(1, 0, states), emissions.select(0, t), mayJump, lengths);
      alpha = Tensor.concat(1, never, next);
    }
    Tensor atBlank = alpha.gather(1, Tensor.pointwise("last", LAST_COLUMN, Launch.of(2), targetLengths).unsqueeze(1));
    Tensor atLabel = alpha.gather(1, Tensor.pointwise("last", LAST_COLUMN, Launch.of(1), targetLengths).unsqueeze(1));
    return Tensor.pointwise("ctcLikelihood", LIKELIHOOD, Launch.of(zeroInfinity ? 0 : Double.POSITIVE_INFINITY),
        atBlank, atLabel).squeeze(1);
  }

  /** Labels with blanks between and around them, I32 [N, 2 S + 1]. */
  private Tensor labels(Tensor targets, Tensor targetLengths) {
    int n = targets.shape().dim(0);
    int length = targets.shape().dim(1);
    Tensor blanks = Tensor.full(targets.device(), blank).to(DType.I32);
    if (length == 0) {
      return blanks.expand(n, 1);
    }
    Tensor known = Tensor.pointwise("labels", MASK, Launch.of(blank), targets,
        Tensor.arange(targets.device(), length), targetLengths.unsqueeze(1));
    Tensor pairs = Tensor.concat(2, blanks.expand(n, length, 1), known.unsqueeze(2)).reshape(n, 2 * length);
    return Tensor.concat(1, pairs, blanks.expand(n, 1));
  }

  private void check(Tensor logProbabilities, Tensor targets, Tensor inputLengths, Tensor targetLengths) {
    Shape shape = logProbabilities.shape();
    boolean three = shape.rank() == 3 && shape.dim(0) > 0 && shape.dim(1) > 0 && logProbabilities.dtype().isFloat();
    if (!three || targets.shape().rank() != 2 || targets.shape().dim(0) != shape.dim(1)
        || !inputLengths.shape().equals(Shape.of(shape.dim(1)))
        || !targetLengths.shape().equals(inputLengths.shape()) || targets.dtype() != DType.I32
        || inputLengths.dtype() != DType.I32 || targetLengths.dtype() != DType.I32) {
      throw new ShapeException("ctc of " + logProbabilities + " against " + targets + " with lengths " + inputLengths
          + " and " + targetLengths + ": wants log-probabilities [T, N, C], I32 targets [N, S], and I32 lengths [N] of"
          + " inputs and of targets");
    }
    if (blank >= shape.dim(2)) {
      throw new ShapeException("ctc of " + logProbabilities + ": the blank is class " + blank + " of only "
          + shape.dim(2));
    }
  }
}
