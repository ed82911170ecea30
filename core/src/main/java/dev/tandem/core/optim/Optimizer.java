package dev.tandem.core.optim;

import dev.tandem.core.autograd.Gradients;
import dev.tandem.core.nn.Block;
import dev.tandem.core.nn.Parameter;
import dev.tandem.core.nn.ParameterBuffer;
import dev.tandem.core.op.Pointwise;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.Spec;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.tensor.Execution;
import dev.tandem.core.tensor.Scalar;
import dev.tandem.core.tensor.Tensor;
import dev.tandem.core.tensor.View;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Updates parameters. A recipe until {@link #on}. A step has two halves: {@link #beginStep} does what the host must do anew in every
 * step, replayed or not; {@link #update} only executes operations, so that it can be replayed.
 *
 * <p>A subclass gives one pointwise program whose inputs are the parameter, its gradient, one element of each state, and each scalar;
 * its outputs are the new parameter and states. It runs over a whole run of the model's flat {@link ParameterBuffer} at once.
 */
public abstract class Optimizer {
  private final Program program;
  private final List<String> states;
  private final int scalars;
  private final List<Run> runs = new ArrayList<>();
  private final List<Scalar> hostScalars = new ArrayList<>();
  private @Nullable Device device;
  private double learningRate;

  /** Parameters side by side in one buffer, and the optimizer's states for them. */
  private record Run(ParameterBuffer buffer, List<Map.Entry<String, Parameter>> parameters, int from, int to,
      List<Tensor> states) {
    Tensor slice(Tensor flat, int a, int b) {
      return flat.quietView(new View.Slice(0, a, b, 1));
    }
  }

  /** @param states names of the numbers kept for each parameter, for checkpoints
   * @param scalars how many numbers {@link #scalars} gives */
  protected Optimizer(double learningRate, Program program, List<String> states, int scalars) {
    this.learningRate = checked(learningRate);
    this.program = program;
    this.states = List.copyOf(states);
    this.scalars = scalars;
  }

  /** What the program reads in step {@code step} (from 1) besides parameter, gradient and states; computed in double. */
  protected abstract double[] scalars(int step, double learningRate);

  /** Binds this to the trained parameters of {@code model}, which must be on its device; states begin at 0. */
  public Optimizer on(Block model) {
    if (device != null) {
      throw new IllegalStateException(name() + " already updates a model; make another one for " + model.name());
    }
    Device on = model.device();
    List<Map.Entry<String, Parameter>> pending = new ArrayList<>();
    for (Map.Entry<String, Parameter> e : model.parameters().entrySet()) {
      if (pending.stream().noneMatch(k -> k.getValue() == e.getValue())) {
        pending.add(e);
      }
    }
    int from = 0;
    for (int i = 1; i <= pending.size(); i++) {
      if (i == pending.size() || !follows(pending.get(i - 1).getValue(), pending.get(i).getValue())) {
        runs.add(run(on, pending.subList(from, i)));
        from = i;
      }
    }
    for (int i = 0; i < scalars; i++) {
      hostScalars.add(new Scalar(on, 0));
    }
    device = on;
    return this;
  }

  private static boolean follows(Parameter a, Parameter b) {
    return a.buffer() == b.buffer() && b.offset() >= a.offset() + a.shape().size()
        && b.offset() - a.offset() - a.shape().size() < 16;
  }

  private Run run(Device on, List<Map.Entry<String, Parameter>> parameters) {
    Parameter first = parameters.get(0).getValue();
    ParameterBuffer buffer = first.buffer();
    if (buffer == null) {
      throw new IllegalStateException(parameters.get(0).getKey() + " is on no device");
    }
    int from = (int) first.offset();
    int to = end(parameters.get(parameters.size() - 1).getValue());
    List<Tensor> memory = new ArrayList<>();
    for (String s : states) {
      memory.add(Tensor.persistentZeros(on, new Spec(Shape.of(to - from), DType.F32), name() + " " + s));
    }
    return new Run(buffer, List.copyOf(parameters), from, to, memory);
  }

  private static int end(Parameter p) {
    return (int) (p.offset() + p.shape().size());
  }

  /** What the host does anew in every step. @param step counts from 1 */
  public final void beginStep(int step) {
    double[] values = scalars(step, learningRate);
    for (int i = 0; i < values.length; i++) {
      if (hostScalars.get(i).value() != values[i]) {
        hostScalars.get(i).set(values[i]);
      }
    }
  }

  /** Updates every parameter that has a gradient; others, and their states, stay as they are. */
  public final void update(Gradients gradients) {
    device();
    for (Run run : runs) {
      int open = -1;
      int end = -1;
      for (Map.Entry<String, Parameter> e : run.parameters) {
        Parameter p = e.getValue();
        if (!collect(gradients, p)) {
          if (open >= 0) {
            execute(run, open, end);
          }
          open = -1;
        } else {
          open = open < 0 ? (int) p.offset() : open;
          end = end(p);
        }
      }
      if (open >= 0) {
        execute(run, open, end);
      }
    }
  }

  /** Sees to it that the gradient of {@code p} lies in the flat buffer; false if there is none. */
  private static boolean collect(Gradients gradients, Parameter p) {
    Tensor g = gradients.get(p.tensor());
    if (g == null) {
      return false;
    }
    Tensor destination = p.tensor().gradientDestination();
    if (destination != null && g != destination) {
      destination.assign(g);
    }
    return true;
  }

  private void execute(Run run, int from, int to) {
    Tensor p = run.slice(run.buffer.values(), from, to);
    List<Tensor> in = new ArrayList<>(List.of(p, run.slice(run.buffer.gradients(), from, to)));
    List<Tensor> out = new ArrayList<>(List.of(p));
    for (Tensor s : run.states) {
      Tensor part = run.slice(s, from - run.from, to - run.from);
      in.add(part);
      out.add(part);
    }
    hostScalars.forEach(s -> in.add(s.tensor()));
    Execution.into(Pointwise.of(name(), program), in, out);
  }

  /** From the next step on. */
  public final void learningRate(double value) {
    learningRate = checked(value);
  }

  public final double learningRate() {
    return learningRate;
  }

  private static double checked(double rate) {
    if (!(rate >= 0) || Double.isInfinite(rate)) {
      throw new IllegalArgumentException("a learning rate must be a number of at least 0, not " + rate);
    }
    return rate;
  }

  /** The device of the model it updates.
   *
   * @throws IllegalStateException before {@link #on}
   */
  public final Device device() {
    if (device == null) {
      throw new IllegalStateException(name() + " updates no model yet; call on(model)");
    }
    return device;
  }

  /** Copies of all states: {@code exp_avg.0.weight}. */
  public final Map<String, HostArray> stateToHost() {
    Map<String, HostArray> values = new LinkedHashMap<>();
    forEachState((name, t) -> values.put(name, t.toHost()));
    return values;
  }

  /** Overwrites all states; everything is checked before anything is written.
   *
   * @throws IllegalArgumentException if a state is missing or has another shape
   */
  public final void loadState(Map<String, HostArray> values) {
    checkState(values);
    forEachState((name, t) -> t.write(values.get(name)));
  }

  /** Whether {@link #loadState} would take {@code values}.
   *
   * @throws IllegalArgumentException if it would not, with the reason
   */
  public final void checkState(Map<String, HostArray> values) {
    forEachState((name, t) -> {
      HostArray v = values.get(name);
      if (v == null || !v.spec().equals(t.spec())) {
        throw new IllegalArgumentException("the state of " + name() + " does not fit: " + name
            + (v == null ? " is missing" : " is " + v.spec() + " instead of " + t.spec()));
      }
    });
  }

  private interface StateVisitor {
    void visit(String name, Tensor values);
  }

  private void forEachState(StateVisitor visitor) {
    device();
    for (Run run : runs) {
      for (int s = 0; s < states.size(); s++) {
        for (Map.Entry<String, Parameter> e : run.parameters) {
          int from = (int) e.getValue().offset() - run.from;
          Tensor part = run.slice(run.states.get(s), from, from + (int) e.getValue().shape().size());
          visitor.visit(states.get(s) + "." + e.getKey(), part.quietView(new View.Reshape(e.getValue().shape())));
        }
      }
    }
  }

  private String name() {
    return getClass().getSimpleName();
  }

  /** The program's input for the parameter, 0; the gradient is 1, then the states, then the scalars. */
  protected static final int PARAMETER = 0;
  /** The program's input for the gradient. */
  protected static final int GRADIENT = 1;
}
