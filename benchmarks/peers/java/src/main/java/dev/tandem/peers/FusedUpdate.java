package dev.tandem.peers;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.CompilationUnit;
import org.bytedeco.pytorch.Dispatcher;
import org.bytedeco.pytorch.Function;
import org.bytedeco.pytorch.IValue;
import org.bytedeco.pytorch.IValueVector;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.OperatorHandle;
import org.bytedeco.pytorch.QualifiedName;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * PyTorch's fused optimizers, which update all parameters in one call. libtorch's optimizers for C++ do not use them, so
 * the operator is looked up by name and called with values on a stack.
 */
final class FusedUpdate {
  private static final Scalar ONE = new Scalar(1f);

  private final OperatorHandle operator;
  /** Packs tensors into a list, which no constructor of a value does. */
  private final CompilationUnit unit;
  private final Function pack;
  private final IValue parameters;
  /** All that comes behind the gradients. */
  private final List<IValue> arguments;
  private final List<Tensor> counters;

  private FusedUpdate(String name, List<Tensor> updated, List<List<Tensor>> states, List<Tensor> counters,
      Object... options) {
    operator = Dispatcher.singleton().findSchemaOrThrow(name, "");
    List<String> names = IntStream.range(0, updated.size()).mapToObj(i -> "t" + i).toList();
    unit = torch.compile("def pack(" + names.stream().map(n -> n + ": Tensor").collect(Collectors.joining(", "))
        + "):\n  return [" + String.join(", ", names) + "]\n");
    pack = unit.find_function(new QualifiedName("pack"));
    parameters = packed(updated);
    this.counters = counters;
    arguments = new ArrayList<>();
    states.forEach(state -> arguments.add(state.isEmpty() ? empty() : packed(state)));
    for (Object option : options) {
      arguments.add(option instanceof Boolean b ? new IValue(b) : new IValue((double) option));
    }
    // Neither a scale of gradients nor a mark of infinite ones.
    arguments.add(new IValue());
    arguments.add(new IValue());
  }

  /** Of Adam with PyTorch's β and ε, without weight decay. Counts its steps from 1, or stays at the first. */
  static FusedUpdate adam(List<Tensor> parameters, List<Tensor> means, List<Tensor> squares, double rate,
      boolean counts) {
    List<Tensor> steps =
        parameters.stream().map(_ -> TorchTensors.of(new float[] {counts ? 0 : 1}, 1).reshape()).toList();
    return new FusedUpdate("aten::_fused_adam_", parameters, List.of(means, squares, List.of(), steps),
        counts ? steps : List.of(), rate, 0.9, 0.999, 0.0, 1e-8, false, false);
  }

  /** Of gradient descent. Without momentum there is nothing to remember. */
  static FusedUpdate sgd(List<Tensor> parameters, List<Tensor> velocities, double rate, double momentum) {
    return new FusedUpdate("aten::_fused_sgd_", parameters, List.of(velocities), List.of(), 0.0, momentum, rate, 0.0,
        false, false, false);
  }

  private IValue packed(List<Tensor> tensors) {
    IValueVector all = new IValueVector();
    tensors.forEach(t -> all.push_back(new IValue(t)));
    return pack.apply(all);
  }

  private static IValue empty() {
    try (CompilationUnit none = torch.compile("def none() -> List[Tensor]:\n  return []\n")) {
      return none.find_function(new QualifiedName("none")).apply(new IValueVector());
    }
  }

  /** Inside a scope that frees the values of the call. */
  void update(List<Tensor> gradients) {
    try (var _ = new NoGradGuard()) {
      counters.forEach(c -> c.add_(ONE));
      IValueVector stack = new IValueVector();
      stack.push_back(parameters);
      stack.push_back(packed(gradients));
      arguments.forEach(stack::push_back);
      operator.callBoxed(stack);
    }
  }
}
