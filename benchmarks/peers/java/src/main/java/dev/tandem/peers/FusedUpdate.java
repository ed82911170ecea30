package dev.tandem.peers;

import java.util.List;
import java.util.function.IntFunction;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.CompilationUnit;
import org.bytedeco.pytorch.Function;
import org.bytedeco.pytorch.IValue;
import org.bytedeco.pytorch.IValueVector;
import org.bytedeco.pytorch.QualifiedName;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * PyTorch's fused optimizers, which update all parameters in one call. libtorch has them but gives C++ none, so they are
 * called by a TorchScript function, which has one argument for each tensor.
 */
final class FusedUpdate {
  private final CompilationUnit unit;
  private final Function function;
  private final List<Tensor> parameters;
  private final List<List<Tensor>> states;
  private final Tensor step;

  private FusedUpdate(List<Tensor> parameters, List<List<Tensor>> states, boolean counts, String call) {
    this.parameters = parameters;
    this.states = states;
    step = TorchTensors.of(new float[] {counts ? 0 : 1}, 1).reshape();
    StringBuilder signature = new StringBuilder();
    for (char list = 'a'; list < 'c' + states.size(); list++) {
      signature.append(names(list, parameters.size(), name -> name + ": Tensor")).append(", ");
    }
    String script = "def update(" + signature + "step: Tensor):\n" + (counts ? "  step.add_(1)\n" : "") + "  " + call;
    unit = torch.compile(script);
    function = unit.find_function(new QualifiedName("__torch__.update"));
  }

  /** Of Adam with PyTorch's β and ε. Counts its steps from 1, or stays at the first. */
  static FusedUpdate adam(List<Tensor> parameters, List<Tensor> means, List<Tensor> squares, double rate,
      boolean counts) {
    int n = parameters.size();
    return new FusedUpdate(parameters, List.of(means, squares), counts,
        "torch._fused_adam_(" + list('a', n) + ", " + list('b', n) + ", " + list('c', n) + ", " + list('d', n)
            + ", torch.jit.annotate(List[Tensor], []), ["
            + IntStream.range(0, n).mapToObj(i -> "step").collect(Collectors.joining(", "))
            + "], lr=" + rate + ", beta1=0.9, beta2=0.999, weight_decay=0., eps=1e-08, amsgrad=False, maximize=False)\n");
  }

  /** Of gradient descent. Without momentum there is nothing to remember. */
  static FusedUpdate sgd(List<Tensor> parameters, List<Tensor> velocities, double rate, double momentum) {
    int n = parameters.size();
    String buffers = momentum == 0 ? "torch.jit.annotate(List[Tensor], [])" : list('c', n);
    return new FusedUpdate(parameters, momentum == 0 ? List.of() : List.of(velocities), false,
        "torch._fused_sgd_(" + list('a', n) + ", " + list('b', n) + ", " + buffers + ", weight_decay=0., momentum="
            + momentum + ", lr=" + rate
            + ", dampening=0., nesterov=False, maximize=False, is_first_step=False)\n");
  }

  private static String list(char list, int n) {
    return "[" + names(list, n, name -> name) + "]";
  }

  private static String names(char list, int n, UnaryOperator<String> each) {
    IntFunction<String> name = i -> each.apply(list + Integer.toString(i));
    return IntStream.range(0, n).mapToObj(name).collect(Collectors.joining(", "));
  }

  /** Without recording gradients, inside a scope that frees the arguments. */
  void update(List<Tensor> gradients) {
    IValueVector arguments = new IValueVector();
    parameters.forEach(t -> arguments.push_back(new IValue(t)));
    gradients.forEach(t -> arguments.push_back(new IValue(t)));
    states.forEach(state -> state.forEach(t -> arguments.push_back(new IValue(t))));
    arguments.push_back(new IValue(step));
    function.apply(arguments);
  }
}
