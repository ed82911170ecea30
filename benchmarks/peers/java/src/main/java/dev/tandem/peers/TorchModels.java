package dev.tandem.peers;

import java.util.Map;
import java.util.Objects;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/** Forward passes of the workloads' models, from parameters with PyTorch's names; {@code peers/pytorch} has the same. */
record TorchModels(Map<String, Tensor> state) {
  private static final long STAGES = 4;

  private Tensor get(String name) {
    return Objects.requireNonNull(state.get(name), name);
  }

  private TensorOptional bias(String layer) {
    Tensor bias = state.get(layer + ".bias");
    return bias == null ? new TensorOptional() : new TensorOptional(bias);
  }

  private Tensor linear(String layer, Tensor x) {
    return torch.linear(x, get(layer + ".weight"), bias(layer));
  }

  private Tensor convolution(String layer, Tensor x, long stride, long padding) {
    return torch.conv2d(x, get(layer + ".weight"), bias(layer), new long[] {stride, stride},
        new long[] {padding, padding}, new long[] {1, 1}, 1);
  }

  private static Tensor maxima(Tensor x, long kernel, long stride, long padding) {
    return torch.max_pool2d(x, new long[] {kernel, kernel}, new long[] {stride, stride}, new long[] {padding, padding},
        new long[] {1, 1}, false);
  }

  /** Logits {@code [N, 10]}. */
  Tensor perceptron(Tensor x) {
    return linear("4", torch.relu(linear("2", torch.relu(linear("0", x)))));
  }

  /** Logits {@code [N, 10]}. */
  Tensor cnn(Tensor images) {
    Tensor x = torch.relu(convolution("2", torch.relu(convolution("0", images, 1, 0)), 1, 0));
    Tensor flat = torch.flatten(maxima(x, 2, 2, 0), 1, -1);
    return linear("8", torch.relu(linear("6", flat)));
  }

  /** Logits {@code [N * T, symbols]}. */
  Tensor characterLstm(Tensor symbols, long batch, int hidden) {
    Tensor embedded = torch.embedding(get("embedding.weight"), symbols);
    Tensor zeros = torch.zeros(1, batch, hidden);
    TensorVector weights = new TensorVector(get("lstm.weight_ih_l0"), get("lstm.weight_hh_l0"), get("lstm.bias_ih_l0"),
        get("lstm.bias_hh_l0"));
    Tensor outputs =
        torch.lstm(embedded, new TensorVector(zeros, zeros), weights, true, 1, 0, true, false, true).get0();
    return linear("output", outputs.reshape(-1, hidden));
  }

  /** Logits {@code [N, classes]}; depth and stem are seen from the parameters. */
  Tensor resNet(Tensor images) {
    long kernel = get("conv1.weight").size(-1);
    boolean isLarge = kernel > 3;
    Tensor x = torch.relu(normalized("bn1", convolution("conv1", images, isLarge ? 2 : 1, kernel / 2)));
    x = isLarge ? maxima(x, 3, 2, 1) : x;
    for (int stage = 1; stage <= STAGES; stage++) {
      for (int block = 0; state.containsKey("layer" + stage + "." + block + ".conv1.weight"); block++) {
        x = block("layer" + stage + "." + block, x, stage > 1 && block == 0 ? 2 : 1);
      }
    }
    return linear("fc", torch.flatten(torch.adaptive_avg_pool2d(x, 1, 1), 1, -1));
  }

  /** The stride is in the first 3×3 convolution. */
  private Tensor block(String name, Tensor x, long stride) {
    int last = state.containsKey(name + ".conv3.weight") ? 3 : 2;
    Tensor y = x;
    for (int i = 1; i <= last; i++) {
      String layer = name + ".conv" + i;
      y = convolution(layer, i == 1 ? y : torch.relu(y), i == last - 1 ? stride : 1, get(layer + ".weight").size(-1) / 2);
      y = normalized(name + ".bn" + i, y);
    }
    boolean isSame = !state.containsKey(name + ".downsample.0.weight");
    return torch.relu(y.add(
        isSame ? x : normalized(name + ".downsample.1", convolution(name + ".downsample.0", x, stride, 0))));
  }

  private Tensor normalized(String layer, Tensor x) {
    return torch.batch_norm(x, new TensorOptional(get(layer + ".weight")), bias(layer),
        new TensorOptional(get(layer + ".running_mean")), new TensorOptional(get(layer + ".running_var")), true, 0.1,
        1e-5, false);
  }
}
