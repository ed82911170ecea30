package dev.tandem.core.optim;

import dev.tandem.core.autograd.Gradients;
import dev.tandem.core.nn.Block;
import dev.tandem.core.nn.Parameter;
import dev.tandem.core.nn.ParameterBuffer;
import dev.tandem.core.op.Pointwise;
import dev.tandem.core.pointwise.Expr;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.Spec;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.tensor.Execution;
import dev.tandem.core.tensor.Scalar;
import dev.tandem.core.tensor.Tensor;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiPredicate;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Updates parameters. A recipe until {@link #on}. A step has two halves: {@link #beginStep} does what the host must
 * do anew in every step, replayed or not; {@link #update} only executes operations, so that it can be replayed.
 *
 * <p>A subclass gives one {@link #formula} from the parameter, its gradient, one element of each state and each
 * scalar to the new parameter and states. It runs over a whole run of the model's flat {@link ParameterBuffer} at
 * once; only {@link #group groups} of parameters that are treated differently take further runs.
 *
 * <pre>{@code var optimizer = new AdamW(1e-3, 0.01) .group((path, p) -> p.shape().rank() < 2, g ->
 * g.weightDecay(0)) .schedule(Schedules.warmup(500, Schedules.cosine(20_000, 0))) .on(model); }</pre>
 */
public abstract class Optimizer {
  /** Input of the formula: the parameter. */
  protected static final Expr PARAMETER = Expr.input(0);
  /** Input of the formula: the parameter's gradient. */
  protected static final Expr GRADIENT = Expr.input(1);

  private record Choice(BiPredicate<String, Parameter> parameters, ParameterGroup options) {
  }

  /** A run whose parameters are updated in one way. */
  private record Run(ParameterRun place, ParameterGroup options, Pointwise update, List<Tensor> states,
      List<Scalar> scalars) {
  }

  private final double weightDecay;
  private final List<String> states;
  private final List<Choice> choices = new ArrayList<>();
  private final List<Run> runs = new ArrayList<>();
  /** What the host sets anew in every step, by the factor of the learning rate. */
  private final Map<Double, List<Scalar>> hostScalars = new LinkedHashMap<>();
  private @Nullable Device device;
  private double learningRate;
  private double currentLearningRate;
  private Schedule schedule = Schedules.constant();

  /**
   * @param weightDecay of parameters in no {@link #group}
   * @param states names of the numbers kept for each parameter, for checkpoints
   */
  protected Optimizer(double learningRate, double weightDecay, List<String> states) {
    this.learningRate = checked(learningRate);
    this.currentLearningRate = learningRate;
    this.weightDecay = new ParameterGroup(1, weightDecay).weightDecay();
    this.states = List.copyOf(states);
  }

  /**
   * The new parameter, then the new states, from {@link #PARAMETER}, {@link #GRADIENT}, {@link #state} and {@link
   * #scalar}.
   */
  protected abstract List<Expr> formula(double weightDecay);

  /** What the formula reads in step {@code step} (from 1) as its scalars; always as many. Computed in double. */
  protected abstract double[] scalars(int step, double learningRate);

  /** What each element of a state begins with. */
  protected double initialState(String state) {
    return 0;
  }

  /** Input of the formula: the {@code i}-th state. */
  protected static final Expr state(int i) {
    return Expr.input(2 + i);
  }

  /** Input of the formula: the {@code i}-th scalar. */
  protected final Expr scalar(int i) {
    return Expr.input(2 + states.size() + i);
  }

  /** The gradient with that of an L2 penalty, {@code g + weightDecay p}. */
  protected static final Expr penalized(double weightDecay) {
    return weightDecay == 0 ? GRADIENT : GRADIENT.add(PARAMETER.mul(weightDecay));
  }

  static void require(boolean ok, String message) {
    if (!ok) {
      throw new IllegalArgumentException(message);
    }
  }

  static void requireFraction(String what, double value) {
    if (!(value >= 0 && value < 1)) {
      throw new IllegalArgumentException(what + " must lie in [0, 1), not " + value);
    }
  }

  static void requireNotNegative(String what, double value) {
    if (!(value >= 0 && value < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException(what + " must be a number of at least 0, not " + value);
    }
  }

  /**
   * Treats the parameters whose path {@code paths} accepts in another way, from {@link #on} on:
   * {@code group(path -> path.endsWith("bias"), g -> g.weightDecay(0))}. Of several groups that accept a parameter the
   * first has it.
   */
  public final Optimizer group(Predicate<String> paths, UnaryOperator<ParameterGroup> options) {
    return group((path, p) -> paths.test(path), options);
  }

  /** {@link #group(Predicate, UnaryOperator)} for parameters chosen by path and, for example, shape. */
  public final Optimizer group(BiPredicate<String, Parameter> parameters, UnaryOperator<ParameterGroup> options) {
    if (device != null) {
      throw new IllegalStateException(name() + " updates a model already; name its groups before on(model)");
    }
    choices.add(new Choice(parameters, options.apply(new ParameterGroup(1, weightDecay))));
    return this;
  }

  /** Multiplies the learning rate by what {@code schedule} says for each step, from the next one on. */
  public final Optimizer schedule(Schedule schedule) {
    this.schedule = schedule;
    return this;
  }

  public final Schedule schedule() {
    return schedule;
  }

  /**
   * Binds this to the trained parameters of {@code model}, which must be on its device.
   *
   * @throws IllegalArgumentException if a group has no parameter
   */
  public Optimizer on(Block model) {
    if (device != null) {
      throw new IllegalStateException(name() + " already updates a model; make another one for " + model.name());
    }
    Device on = model.device();
    List<List<Map.Entry<String, Parameter>>> members = members(model);
    for (int g = 0; g < members.size(); g++) {
      ParameterGroup options = g == choices.size() ? new ParameterGroup(1, weightDecay) : choices.get(g).options;
      if (members.get(g).isEmpty()) {
        continue;
      }
      List<Scalar> numbers = hostScalars.computeIfAbsent(options.learningRateFactor(), f -> newScalars(on));
      Expr[] formula = formula(options.weightDecay()).toArray(new Expr[0]);
      Pointwise update =
          Pointwise.of(name(), Program.of(2 + states.size() + numbers.size(), formula));
      for (ParameterRun place : ParameterRun.of(members.get(g))) {
        runs.add(new Run(place, options, update, newStates(on, place.size()), numbers));
      }
    }
    device = on;
    return this;
  }

  /** The parameters of each group, and of none; a shared parameter counts under its first path. */
  private List<List<Map.Entry<String, Parameter>>> members(Block model) {
    List<List<Map.Entry<String, Parameter>>> members = new ArrayList<>();
    for (int g = 0; g <= choices.size(); g++) {
      members.add(new ArrayList<>());
    }
    Set<Parameter> seen = Collections.newSetFromMap(new IdentityHashMap<>());
    for (Map.Entry<String, Parameter> e : model.parameters().entrySet()) {
      if (seen.add(e.getValue())) {
        int g = 0;
        while (g < choices.size() && !choices.get(g).parameters.test(e.getKey(), e.getValue())) {
          g++;
        }
        members.get(g).add(e);
      }
    }
    for (int g = 0; g < choices.size(); g++) {
      if (members.get(g).isEmpty()) {
        throw new IllegalArgumentException("group " + (g + 1) + " of " + name() + " has no parameter of " + model.name()
            + " that an earlier group has not; its parameters are " + model.parameters().keySet());
      }
    }
    return members;
  }

  private List<Scalar> newScalars(Device on) {
    List<Scalar> numbers = new ArrayList<>();
    for (double value : scalars(1, learningRate)) {
      numbers.add(new Scalar(on, value));
    }
    return numbers;
  }

  private List<Tensor> newStates(Device on, int elements) {
    List<Tensor> memory = new ArrayList<>();
    for (String s : states) {
      Tensor t = Tensor.persistentZeros(on, new Spec(Shape.of(elements), DType.F32), name() + " " + s);
      if (initialState(s) != 0) {
        t.assign(Tensor.full(on, initialState(s), elements));
      }
      memory.add(t);
    }
    return memory;
  }

  /**
   * What the host does anew in every step.
   *
   * @param step counts from 1
   */
  public final void beginStep(int step) {
    double factor = schedule.factor(step - 1);
    if (!(factor >= 0) || Double.isInfinite(factor)) {
      throw new IllegalStateException("the schedule of " + name() + " gives " + factor + " as factor of step " + step
          + "; it must be a number of at least 0");
    }
    currentLearningRate = learningRate * factor;
    for (Map.Entry<Double, List<Scalar>> group : hostScalars.entrySet()) {
      List<Scalar> numbers = group.getValue();
      double[] values = scalars(step, currentLearningRate * group.getKey());
      for (int i = 0; i < values.length; i++) {
        if (numbers.get(i).value() != values[i]) {
          numbers.get(i).set(values[i]);
        }
      }
    }
  }

  /** Updates every parameter that has a gradient; others, and their states, stay as they are. */
  public final void update(Gradients gradients) {
    device();
    for (Run run : runs) {
      for (ParameterRun.Range range : run.place.ranges(gradients)) {
        List<Tensor> parts = new ArrayList<>();
        for (Tensor state : run.states) {
          parts.add(range.part(state));
        }
        List<Tensor> in = new ArrayList<>(List.of(range.values(), range.gradients()));
        in.addAll(parts);
        for (Scalar s : run.scalars) {
          in.add(s.tensor());
        }
        execute(run.update, run.options, range, in, parts);
      }
    }
  }

  /** @param in the operands of {@code update}: parameters, gradients, {@code states}, scalars */
  void execute(Pointwise update, ParameterGroup options, ParameterRun.Range range, List<Tensor> in,
      List<Tensor> states) {
    List<Tensor> out = new ArrayList<>(List.of(in.get(0)));
    out.addAll(states);
    Execution.into(update, in, out);
  }

  /** The learning rate before schedule and groups, from the next step on. */
  public final void learningRate(double value) {
    learningRate = checked(value);
  }

  /** Before schedule and groups. */
  public final double learningRate() {
    return learningRate;
  }

  /** The learning rate of the last step, as scheduled; of parameters in no group. */
  public final double currentLearningRate() {
    return currentLearningRate;
  }

  private static double checked(double rate) {
    requireNotNegative("a learning rate", rate);
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
        for (Map.Entry<String, Parameter> e : run.place.parameters()) {
          visitor.visit(states.get(s) + "." + e.getKey(), run.place.part(run.states.get(s), e.getValue()));
        }
      }
    }
  }

  private String name() {
    return getClass().getSimpleName();
  }
}
