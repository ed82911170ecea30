package dev.tandem.peers;

import dev.tandem.benchmarks.work.Task;
import dev.tandem.benchmarks.work.Work.Training;
import dev.tandem.benchmarks.workload.CausalTransformer;
import dev.tandem.benchmarks.workload.CharacterLstm;
import dev.tandem.benchmarks.workload.Cnn;
import dev.tandem.benchmarks.workload.Mlp;
import dev.tandem.benchmarks.workload.ResNet;
import dev.tandem.benchmarks.workload.Workload;
import dev.tandem.core.nn.Module;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.tensor.Device;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/** Training steps of the workloads' models in libtorch, from the initial parameters that Tandem gives them. */
final class TorchTraining implements Task {
  private final Workload workload;
  private final TorchModels model;
  private final Tensor inputs;
  private final Tensor labels;
  private final List<Tensor> parameters = new ArrayList<>();
  private final FusedUpdate optimizer;

  TorchTraining(Workload workload, boolean isChannelsLast) {
    this.workload = workload;
    Module initial = workload.model().on(Device.of("cpu"), Training.SEED);
    workload.initialize(initial);
    Map<String, Tensor> state = new HashMap<>();
    initial.stateToHost().forEach(
        (name, values) -> state.put(name, TorchTensors.of(isChannelsLast, values.toFloats(), values.shape().dims())));
    initial.parameters().keySet().forEach(name -> parameters.add(state.get(name).requires_grad_(true)));
    model = new TorchModels(state);
    HostArray data = workload.data().get(0);
    inputs = workload instanceof CharacterLstm
        ? TorchTensors.of(data.toInts(), data.shape().dims())
        : TorchTensors.of(isChannelsLast, data.toFloats(), data.shape().dims());
    HostArray wanted = workload.data().get(1);
    labels = TorchTensors.of(wanted.toInts(), Math.toIntExact(wanted.shape().size()));
    optimizer = switch (workload) {
      case Mlp _, CharacterLstm _, CausalTransformer _ -> FusedUpdate.adam(parameters, zeros(), zeros(), 1e-3, true);
      case Cnn _ -> FusedUpdate.sgd(parameters, List.of(), 0.01, 0);
      case ResNet _ -> FusedUpdate.sgd(parameters, zeros(), 1e-3, 0.9);
    };
  }

  private List<Tensor> zeros() {
    return parameters.stream().map(p -> torch.zeros_like(p.detach())).toList();
  }

  private Tensor forward() {
    return switch (workload) {
      case Mlp _ -> model.perceptron(inputs);
      case Cnn _ -> model.cnn(inputs);
      case CharacterLstm w -> model.characterLstm(inputs, w.batch(), w.hidden());
      case ResNet _ -> model.resNet(inputs);
      case CausalTransformer _ -> throw new IllegalArgumentException("libtorch has no " + workload.name());
    };
  }

  private Tensor step() {
    Tensor loss = torch.cross_entropy_loss(forward(), labels);
    TensorVector gradients =
        torch.grad(new TensorVector(loss), new TensorVector(parameters.toArray(Tensor[]::new)));
    optimizer.update(Arrays.asList(gradients.get()));
    return loss;
  }

  @Override
  public void run() {
    try (var _ = new PointerScope()) {
      step();
    }
  }

  @Override
  public List<float[]> results() {
    List<float[]> losses = new ArrayList<>();
    for (int i = 0; i < Training.LOSSES; i++) {
      try (var _ = new PointerScope()) {
        losses.add(new float[] {step().item_float()});
      }
    }
    return losses;
  }
}
