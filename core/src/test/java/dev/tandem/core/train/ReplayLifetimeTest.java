package dev.tandem.core.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tandem.core.backend.Backend;
import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.Replay;
import dev.tandem.core.backend.Storage;
import dev.tandem.core.nn.Module;
import dev.tandem.core.op.Op;
import dev.tandem.core.op.Reduce;
import dev.tandem.core.op.SoftmaxCrossEntropy;
import dev.tandem.core.op.SoftmaxCrossEntropyGrad;
import dev.tandem.core.optim.Optimizer;
import dev.tandem.core.optim.Sgd;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.testing.ReferenceBackend;
import dev.tandem.core.testing.SmallNetwork;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What a training step asks of its backend: replays are closed, and scratch memory is given as asked for. */
class ReplayLifetimeTest {
  private final List<Call> executed = new ArrayList<>();
  private int prepared;
  private int closed;
  private TrainStep step;

  private final class Watched implements Replay {
    private final Replay replay;

    Watched(Replay replay) {
      this.replay = replay;
    }

    @Override
    public void run() {
      replay.run();
    }

    @Override
    public String describe() {
      return "what this backend made of " + replay.describe();
    }

    @Override
    public void close() {
      closed++;
    }
  }

  @BeforeEach
  void step() {
    Backend oracle = new ReferenceBackend(Set.of(SoftmaxCrossEntropy.class, SoftmaxCrossEntropyGrad.class));
    Backend backend = (Backend) Proxy.newProxyInstance(Backend.class.getClassLoader(), new Class<?>[] {Backend.class},
        (_, method, arguments) -> call(oracle, method, arguments));
    Module model = SmallNetwork.model().on(new Device(backend), 1);
    Optimizer optimizer = new Sgd(0.1, 0.9).on(model);
    step = TrainStep.of(optimizer, 1, SmallNetwork.training(model, optimizer));
  }

  private Object call(Backend oracle, Method method, Object[] arguments) throws Throwable {
    if (method.getName().equals("scratch")) {
      return wanted((Op) arguments[0]);
    }
    if (method.getName().equals("execute")) {
      executed.add((Call) arguments[0]);
    }
    try {
      Object result = method.invoke(oracle, arguments);
      if (result instanceof Replay replay) {
        prepared++;
        return new Watched(replay);
      }
      return result;
    } catch (InvocationTargetException e) {
      throw e.getCause();
    }
  }

  private static long wanted(Op op) {
    return op instanceof Reduce ? 100_000 : op instanceof SoftmaxCrossEntropy ? 1000 : 0;
  }

  private void run(int batch, int steps) {
    for (int i = 0; i < steps; i++) {
      step.run(SmallNetwork.batch(batch, i));
    }
  }

  @Test
  void theStateSaysWhatTheBackendReplays() {
    run(16, 3);
    assertThat(step.state()).matches("replaying what this backend made of \\d+ calls");
  }

  @Test
  void theReplayOfAForgottenShapeIsClosed() {
    for (int batch = 1; batch <= 18; batch++) {
      run(batch, 3);
    }
    assertThat(prepared).isEqualTo(18);
    assertThat(closed).as("with 16 shapes remembered").isEqualTo(2);
    run(18, 1);
    assertThat(step.state()).startsWith("replaying");
    run(1, 1);
    assertThat(step.state()).as("a shape that was forgotten").startsWith("eager");
  }

  @Test
  void allCallsOfAStepWorkInOneBlock() {
    run(16, 1);
    int first = executed.size();
    run(16, 1);
    // The first step found out how much is wanted; that its small calls had less room does not keep it from being replayed.
    assertThat(step.state()).startsWith("replaying");
    Set<Storage> blocks = new HashSet<>();
    for (Call call : executed.subList(first, executed.size())) {
      long bytes = wanted(call.op());
      if (bytes == 0) {
        assertThat(call.scratch()).as("%s", call.op()).isNull();
      } else {
        assertThat(call.scratch().elements()).as("%s", call.op()).isGreaterThanOrEqualTo(bytes);
        blocks.add(call.scratch());
      }
    }
    assertThat(blocks).hasSize(1);
  }
}
