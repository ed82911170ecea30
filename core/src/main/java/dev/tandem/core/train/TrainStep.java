package dev.tandem.core.train;

import dev.tandem.core.autograd.Tape;
import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.Replay;
import dev.tandem.core.data.Batch;
import dev.tandem.core.op.Precision;
import dev.tandem.core.optim.Optimizer;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.shape.Spec;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.tensor.RandomState;
import dev.tandem.core.tensor.Scope;
import dev.tandem.core.tensor.StepArena;
import dev.tandem.core.tensor.StepResult;
import dev.tandem.core.tensor.Tensor;
import dev.tandem.core.tensor.Trace;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A whole step as one unit. The body runs until two steps in a row have made the same calls; from then on those calls are replayed and
 * the body is not run, but for replays 1, 2, 4, 8 …, where it runs to see that it still makes them. What must happen on the host in
 * every step belongs in {@link Optimizer#beginStep}.
 *
 * <pre>{@code
 * var step = TrainStep.of(optimizer, 42, in -> {
 *   Tensor loss = Losses.crossEntropy().apply(model.apply(in.get(0)), in.get(1));
 *   optimizer.update(Gradients.of(loss));
 *   return loss;
 * });
 * for (Batch batch : loader) {
 *   System.out.println(step.run(batch).item());
 * }
 * }</pre>
 */
public final class TrainStep {
  private static final int ATTEMPTS = 5;
  private static final int MAX_PLANS = 16;

  private record Key(List<Spec> inputs, Precision precision) {
    static Key of(List<HostArray> inputs, Precision precision) {
      List<Spec> specs = new ArrayList<>(inputs.size());
      for (HostArray i : inputs) {
        specs.add(i.spec());
      }
      return new Key(specs, precision);
    }

    // Written out as in Program.Instruction.
    @Override
    public boolean equals(@Nullable Object o) {
      return o instanceof Key k && precision == k.precision && inputs.equals(k.inputs);
    }

    @Override
    public int hashCode() {
      return 31 * inputs.hashCode() + precision.hashCode();
    }
  }

  /** What is known of steps with inputs of certain shapes in one precision. */
  private static final class Plan {
    final List<Tensor> inputs = new ArrayList<>();
    final StepResult result;
    @Nullable List<Call> calls;
    @Nullable Replay replay;
    int attempts;
    long runs;
    String state = "not run yet";

    Plan(StepArena arena) {
      result = new StepResult(arena, "step");
    }
  }

  private final Device device;
  private final List<Optimizer> optimizers;
  private final Function<List<Tensor>, List<Tensor>> body;
  private final RandomState random;
  private final StepArena arena;
  private final Map<Key, Plan> plans = new LinkedHashMap<>(16, 0.75f, true);
  private boolean capture = true;
  private Precision precision = Precision.FP32;
  private int step;
  private String state = "not run yet";

  private TrainStep(List<Optimizer> optimizers, long seed, Function<List<Tensor>, List<Tensor>> body) {
    this.device = optimizers.get(0).device();
    this.optimizers = List.copyOf(optimizers);
    this.body = body;
    random = new RandomState(device, seed);
    arena = new StepArena(device, "step");
  }

  /** A step with one optimizer.
   *
   * @param seed of random numbers drawn in the step, such as dropout's
   * @param body from the batch's fields to the loss: forward, loss, backward and update
   */
  public static TrainStep of(Optimizer optimizer, long seed, Function<List<Tensor>, Tensor> body) {
    return new TrainStep(List.of(optimizer), seed, in -> List.of(body.apply(in)));
  }

  /** A step with several optimizers on one device, and several results, the loss first. */
  public static TrainStep of(List<Optimizer> optimizers, long seed, Function<List<Tensor>, List<Tensor>> body) {
    if (optimizers.isEmpty()) {
      throw new IllegalArgumentException("a training step needs an optimizer");
    }
    return new TrainStep(optimizers, seed, body);
  }

  /** Whether steps may be replayed; they may unless this was called with false. */
  public TrainStep capture(boolean allowed) {
    capture = allowed;
    return this;
  }

  /**
   * How products are computed from the next step on; in fp32 unless this was called. Losses, gradients and whatever a model or
   * optimizer keeps are F32 in every precision.
   *
   * @throws IllegalArgumentException if the device does not compute in it
   */
  public TrainStep precision(Precision chosen) {
    device.require(chosen);
    precision = chosen;
    return this;
  }

  /** Trains on one batch. The loss may be read until the next run, and {@link Tensor#toHostAsync} reads it without waiting for the step. */
  public Tensor run(Batch batch) {
    return runAll(batch.fields()).get(0);
  }

  /** Trains on inputs that need not be batched. All results may be read until the next run. */
  public List<Tensor> runAll(List<HostArray> inputs) {
    Key key = Key.of(inputs, precision);
    Plan plan = plans.get(key);
    if (plan == null) {
      plan = new Plan(arena);
      for (HostArray i : inputs) {
        plan.inputs.add(Tensor.persistentZeros(device, i.spec(), "inputs of a step"));
      }
      plans.put(key, plan);
      if (plans.size() > MAX_PLANS) {
        forget(plans.keySet().iterator().next());
      }
    }
    Plan chosen = plan;
    step++;
    for (Plan p : plans.values()) {
      p.result.begin();
    }
    device.exclusively(() -> run(chosen, inputs));
    state = chosen.state;
    return chosen.result.get();
  }

  private void forget(Key key) {
    Plan plan = plans.remove(key);
    if (plan != null && plan.replay != null) {
      device.exclusively(plan.replay::close);
    }
  }

  private void run(Plan plan, List<HostArray> inputs) {
    for (int i = 0; i < inputs.size(); i++) {
      plan.inputs.get(i).write(inputs.get(i));
    }
    for (Optimizer o : optimizers) {
      o.beginStep(step);
    }
    random.beginStep(step);
    plan.runs++;
    if (plan.replay != null && Long.bitCount(plan.runs) != 1) {
      plan.replay.run();
    } else {
      eager(plan);
    }
  }

  private void eager(Plan plan) {
    Trace trace = new Trace();
    boolean sameResults;
    try (Scope _ = Scope.training(device, arena, new Tape(), random, trace, precision)) {
      sameResults = plan.result.assign(body.apply(List.copyOf(plan.inputs)));
    }
    if (!capture) {
      plan.state = "eager: capture is turned off";
      return;
    }
    if (plan.attempts == ATTEMPTS) {
      return;
    }
    boolean sameCalls = trace.calls().equals(plan.calls);
    boolean repeatable = trace.refusal() == null && sameCalls && sameResults;
    if (plan.replay != null && repeatable) {
      return;
    }
    plan.attempts++;
    if (plan.replay != null) {
      plan.replay.close();
      plan.replay = null;
    }
    if (repeatable) {
      plan.replay = device.backend().prepare(trace.calls());
      plan.runs = 0;
      plan.attempts = 0;
      plan.state = "replaying " + plan.replay.describe();
    } else {
      String why = sameCalls
          ? "results are other tensors than in the step before"
          : difference(plan.calls, trace.calls());
      plan.state = "eager: " + (trace.refusal() != null ? trace.refusal() : why);
    }
    plan.calls = plan.attempts == ATTEMPTS || trace.refusal() != null ? null : trace.calls();
  }

  private static String difference(@Nullable List<Call> before, List<Call> now) {
    if (before == null) {
      return "first of two equal steps";
    }
    for (int i = 0; i < Math.min(before.size(), now.size()); i++) {
      Call a = before.get(i);
      Call b = now.get(i);
      if (!a.equals(b)) {
        return a.op().equals(b.op()) && specs(a).equals(specs(b))
            ? "call " + i + ", " + a.op() + ", used other memory than in the step before"
            : "call " + i + " was " + a.op() + " of " + specs(a) + " in one step and " + b.op() + " of " + specs(b)
                + " in the next";
      }
    }
    return before.size() + " calls in one step and " + now.size() + " in the next";
  }

  private static List<Spec> specs(Call c) {
    return c.in().stream().map(o -> o.spec()).toList();
  }

  /** How the last step's kind of step runs, and why if it is not replayed: {@code replaying 21 calls}, or on a GPU
   * {@code replaying one CUDA graph of 37 nodes}. */
  public String state() {
    return state;
  }

  /** How many steps were run. */
  public int steps() {
    return step;
  }

  /** Goes on counting from {@code steps}, when training is resumed. */
  public void resumeAt(int steps) {
    step = steps;
  }

  /** Bytes of the memory that steps share for what they make on the way. */
  public long arenaBytes() {
    return arena.bytes();
  }
}
