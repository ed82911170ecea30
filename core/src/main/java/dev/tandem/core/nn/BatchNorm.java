package dev.tandem.core.nn;

import dev.tandem.core.op.Normalize;
import dev.tandem.core.op.Pointwise;
import dev.tandem.core.pointwise.Expr;
import dev.tandem.core.pointwise.Launch;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.tensor.Execution;
import dev.tandem.core.tensor.Scope;
import dev.tandem.core.tensor.Tensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Batch normalisation: Ioffe and Szegedy, Batch normalization: accelerating deep network training by reducing internal covariate
 * shift, ICML 2015, algorithms 1 and 2. In training each channel is normalised by its mean and biased variance over the batch, and
 * the running statistics go towards those, with the unbiased variance; in inference it is normalised by the running statistics.
 *
 * <p>State: {@code weight} and {@code bias} [C], buffers {@code running_mean} and {@code running_var} [C]. PyTorch also saves
 * {@code num_batches_tracked}, which nothing here reads and which is left out: drop it when loading, and write 0 when saving for
 * PyTorch.
 */
abstract sealed class BatchNorm extends Module permits BatchNorm1d, BatchNorm2d {
  private static final Expr X = Expr.input(0);
  private static final Expr NORMALISED =
      X.sub(Expr.input(1)).div(Expr.input(2).add(Expr.argument(0)).sqrt());
  private static final Program PLAIN = Program.of(3, NORMALISED);
  private static final Program AFFINE = Program.of(5, NORMALISED.mul(Expr.input(3)).add(Expr.input(4)));
  /** Running mean and variance, mean and variance of the batch; momentum, and n / (n - 1) for the unbiased variance. */
  private static final Program UPDATE = Program.of(4, towards(Expr.input(0), Expr.input(2)),
      towards(Expr.input(1), Expr.input(3).mul(Expr.argument(1))));

  private final Channels channels;
  private final BatchNormOptions options;
  private final String wanted;
  private final int minRank;
  private final int maxRank;
  private final Parameter runningMean;
  private final Parameter runningVariance;
  private @Nullable Parameter weight;
  private @Nullable Parameter bias;

  BatchNorm(int channels, BatchNormOptions options, int minRank, int maxRank, String wanted) {
    this.channels = Channels.of(getClass().getSimpleName(), channels);
    this.options = options;
    this.minRank = minRank;
    this.maxRank = maxRank;
    this.wanted = wanted;
    if (options.affine()) {
      weight = parameter("weight", Initializers.ones(), channels);
      bias = parameter("bias", Initializers.zeros(), channels);
    }
    runningMean = buffer("running_mean", Initializers.zeros(), channels);
    runningVariance = buffer("running_var", Initializers.ones(), channels);
  }

  private static Expr towards(Expr running, Expr newest) {
    return running.add(newest.sub(running).mul(Expr.argument(0)));
  }

  @Override
  protected Tensor forward(Tensor x) {
    int[] dims = channels.over(getClass().getSimpleName(), x, minRank, maxRank, wanted);
    return Scope.isTraining() ? training(x, dims) : inference(x, dims);
  }

  private Tensor training(Tensor x, int[] dims) {
    long n = x.shape().size() / channels.count();
    if (n == 1) {
      throw new ShapeException(getClass().getSimpleName() + " in training on " + x.shape()
          + ", one value per channel, which has no variance; use a larger batch");
    }
    Normalize op = new Normalize(Channels.others(dims.length), options.eps(), weight != null);
    List<Tensor> made = weight == null || bias == null
        ? Execution.run(op, x)
        : Execution.run(op, x, weight.tensor().reshape(dims), bias.tensor().reshape(dims));
    List<Tensor> running = List.of(runningMean.tensor(), runningVariance.tensor());
    Launch launch = Launch.of(options.momentum(), (double) n / (n - 1));
    Execution.into(new Pointwise("running statistics", UPDATE, List.of(DType.F32, DType.F32), launch),
        List.of(running.get(0), running.get(1), made.get(1).reshape(channels.count()),
            made.get(2).reshape(channels.count())),
        running);
    return made.get(0);
  }

  private Tensor inference(Tensor x, int[] dims) {
    Launch eps = Launch.of(options.eps());
    Tensor mean = runningMean.tensor().reshape(dims);
    Tensor variance = runningVariance.tensor().reshape(dims);
    return weight == null || bias == null
        ? Tensor.pointwise("normalize", PLAIN, eps, x, mean, variance)
        : Tensor.pointwise("normalize", AFFINE, eps, x, mean, variance, weight.tensor().reshape(dims),
            bias.tensor().reshape(dims));
  }
}
