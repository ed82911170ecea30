package dev.tandem.benchmarks.work;

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
import dev.tandem.benchmarks.workload.Workload;
import dev.tandem.core.autograd.Gradients;
import dev.tandem.core.nn.Activations;
import dev.tandem.core.nn.AvgPool2d;
import dev.tandem.core.nn.BatchNorm2d;
import dev.tandem.core.nn.Conv2d;
import dev.tandem.core.nn.ConvOptions;
import dev.tandem.core.nn.Gelu;
import dev.tandem.core.nn.GroupNorm;
import dev.tandem.core.nn.Gru;
import dev.tandem.core.nn.LayerNorm;
import dev.tandem.core.nn.Linear;
import dev.tandem.core.nn.Losses;
import dev.tandem.core.nn.Lstm;
import dev.tandem.core.nn.MaxPool2d;
import dev.tandem.core.nn.Module;
import dev.tandem.core.nn.Sequential;
import dev.tandem.core.op.Pointwise;
import dev.tandem.core.optim.Optimizer;
import dev.tandem.core.optim.Sgd;
import dev.tandem.core.pointwise.Expr;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.tensor.Execution;
import dev.tandem.core.tensor.Scope;
import dev.tandem.core.tensor.Tensor;
import dev.tandem.core.train.TrainStep;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Tandem, through its public interface: forward work in an inference scope, backward work as a replayed step. Images lie
 * in memory as the CPU backend's own convolutions leave them, channels last.
 */
public final class Tandem implements Side {
  public static final String NAME = "tandem";
  private static final long SEED = 42;

  private final String deviceName;
  private @Nullable Device device;

  public Tandem() {
    this("cpu");
  }

  /** On the device of this name. */
  public Tandem(String deviceName) {
    this.deviceName = deviceName;
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public Map<String, String> versions() {
    return Map.of("device", device().describe(), "jdk", Runtime.version().toString(), "vm",
        System.getProperty("java.vm.name", ""));
  }

  @Override
  public boolean supports(Work work, int threads) {
    return true;
  }

  @Override
  public Map<String, String> environment(int threads, boolean isAvx2) {
    return Map.of();
  }

  @Override
  public void start(int threads) {
    // Read when the device opens.
    System.setProperty("tandem.threads", Integer.toString(threads));
    device = Device.of(deviceName);
  }

  private Device device() {
    return Objects.requireNonNull(device, "not started");
  }

  @Override
  public Task open(Work work) {
    return switch (work) {
      case MatMul w -> matmul(w);
      case Elementwise w -> elementwise(w);
      case Reduction w -> reduction(w);
      case Probability w -> probability(w);
      case Convolution w -> layer(w, new Conv2d(w.in(), w.out(), w.kernel(),
          ConvOptions.DEFAULT.withStride(w.stride()).withPadding(w.padding()).withBias(false)));
      case Pooling w -> layer(w, switch (w.kind()) {
        case MAX -> new MaxPool2d(w.kernel(), w.stride(), w.padding());
        case AVERAGE -> new AvgPool2d(w.kernel(), w.stride(), w.padding());
      });
      case Normalization w -> layer(w, switch (w.kind()) {
        case BATCH -> new BatchNorm2d(w.features());
        case LAYER -> new LayerNorm(w.features());
        case GROUP -> new GroupNorm(Normalization.GROUPS, w.features());
      });
      case Recurrence w -> layer(w, switch (w.cell()) {
        case LSTM -> new Lstm(w.in(), w.hidden());
        case GRU -> new Gru(w.in(), w.hidden());
      });
      case Training w -> training(w.workload());
    };
  }

  private Task matmul(MatMul w) {
    Tensor a = operand(w.a(), w.m(), w.k(), w.transposedA());
    Tensor b = operand(w.b(), w.k(), w.n(), w.transposedB());
    return forward(() -> a.matmul(b));
  }

  private Tensor operand(float[] values, int rows, int columns, boolean isTransposed) {
    return isTransposed ? tensor(values, columns, rows).transpose(0, 1) : tensor(values, rows, columns);
  }

  private Task elementwise(Elementwise w) {
    Tensor[] in = Arrays.stream(w.inputs()).map(values -> tensor(values, w.size())).toArray(Tensor[]::new);
    return switch (w.function()) {
      case GELU -> forward(() -> Activations.gelu(in[0], Gelu.Approximation.TANH));
      case TANH -> forward(() -> in[0].tanh());
      case EXP -> forward(() -> in[0].exp());
      case ADAM -> adam(List.of(in));
      case COPY -> {
        Tensor out = Tensor.persistentZeros(device(), in[0].spec(), "copy");
        yield inPlace(() -> out.assign(in[0]), List.of(out));
      }
    };
  }

  /** As {@link dev.tandem.core.optim.Adam} has it, without the model that an optimizer wants. */
  private Task adam(List<Tensor> in) {
    Expr gradient = Expr.input(1);
    Expr mean = Expr.input(2).mul(0.9).add(gradient.mul(0.1));
    Expr square = Expr.input(3).mul(0.999).add(gradient.mul(gradient).mul(1 - 0.999));
    Expr step = mean.mul(1 / 0.1).mul(1e-3).div(square.mul(1 / (1 - 0.999)).sqrt().add(1e-8));
    Pointwise update = Pointwise.of("adam", Program.of(4, Expr.input(0).sub(step), mean, square));
    List<Tensor> out = List.of(in.get(0), in.get(2), in.get(3));
    return inPlace(() -> Execution.into(update, in, out), out);
  }

  private Task reduction(Reduction w) {
    Tensor x = tensor(w.input(), w.rows(), w.columns());
    return switch (w.over()) {
      case ROWS -> forward(() -> x.sum(1));
      case COLUMNS -> forward(() -> x.sum(0));
      case ALL -> forward(() -> x.sum());
    };
  }

  private Task probability(Probability w) {
    Tensor x = tensor(w.logits(), w.rows(), w.columns());
    Tensor labels = Tensor.persistent(device(), HostArray.of(w.labels(), w.rows()), "labels");
    return switch (w.kind()) {
      case SOFTMAX -> forward(() -> x.softmax(1));
      case LOG_SOFTMAX -> forward(() -> x.logSoftmax(1));
      case CROSS_ENTROPY -> step(new Linear(1, 1), () -> {
        Tensor leaf = x.requireGrad();
        Tensor loss = Losses.crossEntropy().apply(leaf, labels);
        return List.of(loss, gradient(Gradients.of(loss), leaf));
      });
    };
  }

  private Task layer(Layer w, Module module) {
    // A pooling has no parameters, and a step wants some.
    new Sequential(module, new Linear(1, 1)).on(device(), SEED);
    w.parameters().forEach((name, values) -> module.parameters().get(name).tensor().write(values));
    Tensor x = image(w.input(), w.inputDims());
    if (!w.isBackward()) {
      // Only a step normalises with the statistics of its batch.
      return w instanceof Normalization ? step(new Linear(1, 1), () -> List.of(module.apply(x)))
          : forward(() -> module.apply(x));
    }
    Tensor weights = image(w.outputGradient(), w.outputDims());
    return step(new Linear(1, 1), () -> {
      Tensor leaf = x.requireGrad();
      Tensor y = module.apply(leaf);
      Gradients gradients = Gradients.of(y.mul(weights).sum());
      List<Tensor> results = new ArrayList<>(List.of(y, gradient(gradients, leaf)));
      w.parameters().keySet().forEach(p -> results.add(gradient(gradients, module.parameters().get(p).tensor())));
      return results;
    });
  }

  private static Tensor gradient(Gradients gradients, Tensor leaf) {
    return Objects.requireNonNull(gradients.get(leaf), "no gradient");
  }

  private Task training(Workload workload) {
    Module model = workload.model().on(device(), Training.SEED);
    workload.initialize(model);
    Optimizer optimizer = workload.optimizer().on(model);
    List<Tensor> in =
        workload.data().fields().stream().map(f -> Tensor.persistent(device(), f, "inputs")).toList();
    TrainStep step = TrainStep.of(List.of(optimizer), SEED, _ -> {
      Tensor loss = workload.loss(model.apply(in.get(0)), in.get(1));
      optimizer.update(Gradients.of(loss));
      return List.of(loss);
    });
    return new Task() {
      @Override
      public void run() {
        step.runAll(List.of());
        device().backend().synchronize();
      }

      @Override
      public List<float[]> results() {
        return IntStream.range(0, Training.LOSSES)
            .mapToObj(i -> new float[] {step.runAll(List.of()).getFirst().item()}).toList();
      }
    };
  }

  private Tensor tensor(float[] values, int... dims) {
    return Tensor.persistent(device(), HostArray.of(values, dims), "operands");
  }

  /** An array of four axes is {@code [N, C, H, W]} and lies in memory as {@code [N, H, W, C]}. */
  private Tensor image(float[] values, int... dims) {
    if (dims.length != 4) {
      return tensor(values, dims);
    }
    int pixels = dims[2] * dims[3];
    float[] last = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      int pixel = i % pixels;
      int channel = i / pixels % dims[1];
      int image = i / pixels / dims[1];
      last[(image * pixels + pixel) * dims[1] + channel] = values[i];
    }
    return tensor(last, dims[0], dims[2], dims[3], dims[1]).permute(0, 3, 1, 2);
  }

  private Task forward(Supplier<Tensor> body) {
    return new Task() {
      @Override
      public void run() {
        try (var _ = Scope.inference(device())) {
          var _ = body.get();
          device().backend().synchronize();
        }
      }

      @Override
      public List<float[]> results() {
        try (var _ = Scope.inference(device())) {
          return List.of(body.get().toArray());
        }
      }
    };
  }

  /** Into memory that is there already. */
  private Task inPlace(Runnable body, List<Tensor> out) {
    return new Task() {
      @Override
      public void run() {
        body.run();
        device().backend().synchronize();
      }

      @Override
      public List<float[]> results() {
        run();
        return out.stream().map(Tensor::toArray).toList();
      }
    };
  }

  /** @param updated whose parameters an optimizer could change, without which there is no step */
  private Task step(Module updated, Supplier<List<Tensor>> body) {
    Optimizer idle = new Sgd(0).on(updated.on(device(), SEED));
    TrainStep step = TrainStep.of(List.of(idle), SEED, _ -> body.get());
    return new Task() {
      @Override
      public void run() {
        step.runAll(List.of());
        device().backend().synchronize();
      }

      @Override
      public List<float[]> results() {
        return step.runAll(List.of()).stream().map(Tensor::toArray).toList();
      }
    };
  }
}
