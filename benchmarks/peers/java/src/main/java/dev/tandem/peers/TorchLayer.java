package dev.tandem.peers;

import dev.tandem.benchmarks.work.Task;
import dev.tandem.benchmarks.work.Work.Convolution;
import dev.tandem.benchmarks.work.Work.Layer;
import dev.tandem.benchmarks.work.Work.Normalization;
import dev.tandem.benchmarks.work.Work.Pooling;
import dev.tandem.benchmarks.work.Work.Recurrence;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/** Layers of libtorch, forward or forward and backward. */
final class TorchLayer {
  private final Layer work;
  private final Tensor x;
  private final Tensor weights;
  private final List<Tensor> parameters = new ArrayList<>();
  /** What the layer has besides: running statistics or initial states. */
  private final List<Tensor> states;

  private TorchLayer(Layer work, boolean isChannelsLast) {
    this.work = work;
    x = TorchTensors.of(isChannelsLast, work.input(), work.inputDims());
    weights = TorchTensors.of(isChannelsLast, work.outputGradient(), work.outputDims());
    for (Map.Entry<String, float[]> p : work.parameters().entrySet()) {
      parameters.add(TorchTensors.of(isChannelsLast, p.getValue(), dims(p.getKey(), p.getValue().length)));
    }
    states = states();
    if (work.isBackward()) {
      x.requires_grad_(true);
      parameters.forEach(p -> p.requires_grad_(true));
    }
  }

  static Task open(Layer work, boolean isChannelsLast) {
    TorchLayer layer = new TorchLayer(work, isChannelsLast);
    return TorchTensors.task(work.isBackward() ? layer::backward : layer::forwardOnly);
  }

  private int[] dims(String parameter, int size) {
    return switch (work) {
      case Convolution w -> new int[] {w.out(), w.in(), w.kernel(), w.kernel()};
      case Recurrence w when parameter.startsWith("weight") -> {
        int columns = parameter.startsWith("weight_ih") ? w.in() : w.hidden();
        yield new int[] {size / columns, columns};
      }
      case Recurrence _, Normalization _, Pooling _ -> new int[] {size};
    };
  }

  private List<Tensor> states() {
    return switch (work) {
      case Normalization w when w.kind() == Normalization.Kind.BATCH -> {
        float[] ones = new float[w.features()];
        Arrays.fill(ones, 1);
        yield List.of(TorchTensors.of(new float[w.features()], w.features()), TorchTensors.of(ones, w.features()));
      }
      case Recurrence w -> {
        float[] zeros = new float[w.batch() * w.hidden()];
        yield List.of(TorchTensors.of(zeros, 1, w.batch(), w.hidden()), TorchTensors.of(zeros, 1, w.batch(), w.hidden()));
      }
      case Convolution _, Normalization _, Pooling _ -> List.of();
    };
  }

  private List<Tensor> forwardOnly() {
    try (var _ = new NoGradGuard()) {
      return List.of(forward());
    }
  }

  private List<Tensor> backward() {
    Tensor y = forward();
    TensorVector leaves = new TensorVector(x);
    parameters.forEach(leaves::push_back);
    TensorVector gradients = torch.grad(new TensorVector(y.mul(weights).sum()), leaves);
    List<Tensor> results = new ArrayList<>(List.of(y));
    results.addAll(Arrays.asList(gradients.get()));
    return results;
  }

  private Tensor forward() {
    return switch (work) {
      case Convolution w -> torch.conv2d(x, parameters.get(0), new TensorOptional(), square(w.stride()),
          square(w.padding()), square(1), 1);
      case Pooling w -> switch (w.kind()) {
        case MAX -> torch.max_pool2d(x, square(w.kernel()), square(w.stride()), square(w.padding()), square(1), false);
        case AVERAGE -> torch.avg_pool2d(x, square(w.kernel()), square(w.stride()), square(w.padding()), false, true,
            new LongOptional());
      };
      case Normalization w -> switch (w.kind()) {
        case BATCH -> torch.batch_norm(x, parameter(0), parameter(1), new TensorOptional(states.get(0)),
            new TensorOptional(states.get(1)), true, 0.1, 1e-5, false);
        case LAYER -> torch.layer_norm(x, new long[] {w.features()}, parameter(0), parameter(1), 1e-5, false);
        case GROUP -> torch.group_norm(x, Normalization.GROUPS, parameter(0), parameter(1), 1e-5, false);
      };
      case Recurrence w -> {
        TensorVector all = new TensorVector(parameters.toArray(Tensor[]::new));
        boolean isTraining = w.isBackward();
        yield switch (w.cell()) {
          case LSTM -> torch.lstm(x, new TensorVector(states.get(0), states.get(1)), all, true, 1, 0, isTraining, false,
              false).get0();
          case GRU -> torch.gru(x, states.get(0), all, true, 1, 0, isTraining, false, false).get0();
        };
      }
    };
  }

  private TensorOptional parameter(int i) {
    return new TensorOptional(parameters.get(i));
  }

  private static long[] square(long side) {
    return new long[] {side, side};
  }
}
