package dev.tandem.core.nn;

import dev.tandem.core.op.Normalize;
import dev.tandem.core.op.Pointwise;
import dev.tandem.core.pointwise.Expr;
import dev.tandem.core.pointwise.Launch;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.DType;
import dev.tandem.core.tensor.Execution;
import dev.tandem.core.tensor.Scope;
import dev.tandem.core.tensor.Tensor;
import java.util.List;

/**
 * Batch renormalisation: {@code [N, C]} or {@code [N, C, d1, ...]}. Ioffe, Batch renormalization: towards reducing minibatch
 * dependence in batch-normalized models, NeurIPS 2017, algorithm 1. In training the batch is normalised by its own statistics and
 * then corrected towards the running ones,
 *
 * <pre>{@code
 * y = ((x - mean) / std * r + d) * weight + bias
 * r = clip(std / running_std, 1 / rMax, rMax), d = clip((mean - running_mean) / running_std, -dMax, dMax)
 * }</pre>
 *
 * <p>where r and d are constants to the gradient, so that small or skewed batches train what inference will run. Standard deviations
 * include eps.
 *
 * <p>State: {@code weight} and {@code bias} [C], buffers {@code running_mean} and {@code running_std} [C], and
 * {@code num_batches_tracked} [], the step from which the limits follow: kept on the device, so that replayed steps count too.
 */
public final class BatchRenorm extends Module {
  private static final Expr X = Expr.input(0);
  private static final Expr WEIGHT = Expr.input(3);
  private static final Expr BIAS = Expr.input(4);
  private static final Program RENORMALISE =
      Program.of(5, X.mul(Expr.input(1)).add(Expr.input(2)).mul(WEIGHT).add(BIAS));
  private static final Program INFERENCE =
      Program.of(5, X.sub(Expr.input(1)).div(Expr.input(2)).mul(WEIGHT).add(BIAS));
  private static final Program COUNT = Program.of(1, X.add(1));
  /** Momentum and eps; running mean and standard deviation, mean and variance of the batch. */
  private static final Program UPDATE =
      Program.of(4, towards(Expr.input(0), Expr.input(2)), towards(Expr.input(1), std(Expr.input(3), 1)));

  private final BatchRenormOptions options;
  private final Program corrections;
  private final Channels channels;
  private final Parameter weight;
  private final Parameter bias;
  private final Parameter runningMean;
  private final Parameter runningStd;
  private final Parameter steps;

  public BatchRenorm(int channels) {
    this(channels, BatchRenormOptions.DEFAULT);
  }

  public BatchRenorm(int channels, BatchRenormOptions options) {
    this.options = options;
    this.channels = Channels.of("BatchRenorm", channels);
    corrections = corrections(options);
    weight = parameter("weight", Initializers.ones(), channels);
    bias = parameter("bias", Initializers.zeros(), channels);
    runningMean = buffer("running_mean", Initializers.zeros(), channels);
    runningStd = buffer("running_std", Initializers.ones(), channels);
    steps = buffer("num_batches_tracked", Initializers.zeros());
  }

  private static Expr towards(Expr running, Expr newest) {
    return running.add(newest.sub(running).mul(Expr.argument(0)));
  }

  private static Expr std(Expr variance, int epsArgument) {
    return variance.add(Expr.argument(epsArgument)).sqrt();
  }

  /** r and d from mean and variance of the batch, running mean and standard deviation, and the step. */
  private static Program corrections(BatchRenormOptions o) {
    Expr rMax = grown(o.warmup(), o.rSteps()).mul(o.rMax() - 1).add(1);
    Expr dMax = grown(o.warmup(), o.dSteps()).mul(o.dMax());
    Expr r = std(Expr.input(1), 0).div(Expr.input(3));
    Expr d = X.sub(Expr.input(2)).div(Expr.input(3));
    return Program.of(5, r.max(Expr.constant(1).div(rMax)).min(rMax), d.max(dMax.neg()).min(dMax));
  }

  /** The way from step {@code from} to step {@code to}, 0 to 1. */
  private static Expr grown(int from, int to) {
    return Expr.input(4).sub(from).div(to - from).max(0).min(1);
  }

  @Override
  protected Tensor forward(Tensor x) {
    int[] dims = channels.over("BatchRenorm", x, 2, Integer.MAX_VALUE, "[N, C] or [N, C, d1, ...]");
    Tensor scale = weight.tensor().reshape(dims);
    Tensor shift = bias.tensor().reshape(dims);
    Tensor mean = runningMean.tensor();
    Tensor std = runningStd.tensor();
    if (!Scope.isTraining()) {
      return Tensor.pointwise("batchRenorm", INFERENCE, x, mean.reshape(dims), std.reshape(dims), scale, shift);
    }
    List<Tensor> made = Execution.run(new Normalize(Channels.others(dims.length), options.eps(), false), x);
    Tensor batchMean = made.get(1).reshape(channels.count());
    Tensor batchVariance = made.get(2).reshape(channels.count());
    List<Tensor> corrected =
        Execution.run(Pointwise.of("corrections", corrections, Launch.of(options.eps()), DType.F32), batchMean,
            batchVariance, mean, std, steps.tensor());
    Tensor y = Tensor.pointwise("batchRenorm", RENORMALISE, made.get(0), corrected.get(0).reshape(dims),
        corrected.get(1).reshape(dims), scale, shift);
    Execution.into(
        new Pointwise("running statistics", UPDATE, List.of(DType.F32, DType.F32),
            Launch.of(options.momentum(), options.eps())),
        List.of(mean, std, batchMean, batchVariance), List.of(mean, std));
    Execution.into(Pointwise.of("count", COUNT), List.of(steps.tensor()), List.of(steps.tensor()));
    return y;
  }
}
