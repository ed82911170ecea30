package dev.tandem.peers;

import dev.tandem.benchmarks.work.Side;
import dev.tandem.benchmarks.work.Task;
import dev.tandem.benchmarks.work.Work;
import dev.tandem.benchmarks.work.Work.Convolution;
import dev.tandem.benchmarks.work.Work.Elementwise;
import dev.tandem.benchmarks.work.Work.Layer;
import dev.tandem.benchmarks.work.Work.MatMul;
import dev.tandem.benchmarks.work.Work.Normalization;
import dev.tandem.benchmarks.work.Work.Pooling;
import dev.tandem.benchmarks.work.Work.Probability;
import dev.tandem.benchmarks.work.Work.Recurrence;
import dev.tandem.benchmarks.work.Work.Reduction;
import dev.tandem.benchmarks.work.Work.Training;
import dev.tandem.benchmarks.workload.CausalTransformer;
import dev.tandem.benchmarks.workload.CharacterLstm;
import dev.tandem.benchmarks.workload.Cnn;
import dev.tandem.benchmarks.workload.Mlp;
import dev.tandem.benchmarks.workload.ResNet;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Map;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.pytorch.global.torch;

/** libtorch, called from Java, with images as {@code [N, C, H, W]} in memory. */
public sealed class LibTorch implements Side permits LibTorch.ChannelsLast {
  /** libtorch with images as {@code [N, H, W, C]} in memory, for what has images. */
  public static final class ChannelsLast extends LibTorch {
    public ChannelsLast() {
      super("libtorch-nhwc", true);
    }

    @Override
    public boolean supports(Work work, int threads) {
      return super.supports(work, threads) && switch (work) {
        case Convolution _, Pooling _ -> true;
        case Normalization w -> w.kind() != Normalization.Kind.LAYER;
        case Training w -> switch (w.workload()) {
          case Cnn _, ResNet _ -> true;
          case Mlp _, CharacterLstm _, CausalTransformer _ -> false;
        };
        case MatMul _, Elementwise _, Reduction _, Probability _, Recurrence _ -> false;
      };
    }
  }

  private final String name;
  private final boolean isChannelsLast;

  public LibTorch() {
    this("libtorch", false);
  }

  private LibTorch(String name, boolean isChannelsLast) {
    this.name = name;
    this.isChannelsLast = isChannelsLast;
  }

  @Override
  public final String name() {
    return name;
  }

  @Override
  public final Map<String, String> versions() {
    try {
      return Map.of("torch", Loader.getVersion("org.bytedeco", "pytorch"), "capability",
          torch.get_cpu_capability().getString(), "threads", Integer.toString(torch.get_num_threads()));
    } catch (IOException e) {
      throw new UncheckedIOException("libtorch's jar does not say its version", e);
    }
  }

  @Override
  public boolean supports(Work work, int threads) {
    return !(work instanceof Training w && w.workload() instanceof CausalTransformer);
  }

  @Override
  public final Map<String, String> environment(int threads, boolean isAvx2) {
    return NativeEnvironment.of(threads, isAvx2);
  }

  @Override
  public final void start(int threads) {
    torch.set_num_threads(threads);
    torch.set_num_interop_threads(1);
  }

  @Override
  public final Task open(Work work) {
    return switch (work) {
      case MatMul w -> TorchOperations.matmul(w);
      case Elementwise w -> TorchOperations.elementwise(w);
      case Reduction w -> TorchOperations.reduction(w);
      case Probability w -> TorchOperations.probability(w);
      case Layer w -> TorchLayer.open(w, isChannelsLast);
      case Training w -> new TorchTraining(w.workload(), isChannelsLast);
    };
  }
}
