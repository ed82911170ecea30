package dev.tandem.cuda;

import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.Operand;
import dev.tandem.core.op.Recurrent;
import dev.tandem.core.op.RecurrentGrad;
import dev.tandem.core.shape.Layout;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.ShapeException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongConsumer;
import jcuda.driver.JCudaDriver;

/**
 * Sequences through cuDNN. Time runs backward over copies, as cuDNN has no layer that only runs backward. cuDNN wants the lengths of
 * sequences on the host, where reading them would wait for the device, so sequences of different lengths are left to core.
 *
 * <p>The gradient runs the forward pass once more: what cuDNN keeps of it has a size of its own that the outputs have no room for.
 */
final class RecurrentCalls {
  private static final int WEIGHTS = 4;

  private RecurrentCalls() {
  }

  static boolean supports(Recurrent op) {
    return !op.masked() && op.cell() != Recurrent.Cell.GRU_RESET_BEFORE;
  }

  static boolean supports(RecurrentGrad op) {
    return supports(op.forward());
  }

  static Prepared prepare(Recurrent op, Call call, CudaContext context) {
    List<Operand> in = call.in();
    List<Operand> out = call.out();
    if (in.get(0).shape().dim(1) == 0) {
      return Prepared.nothing();
    }
    RecurrentPlan plan = plan(op, in, context);
    Staging staging = new Staging(context);
    Sequence sequence = Sequence.of(staging, op, in);
    Staging.Place y = steps(staging, op, out.get(0), true);
    List<Staging.Place> last = new ArrayList<>();
    for (Operand o : out.subList(1, 1 + op.cell().states())) {
      last.add(staging.output(o, Layout.contiguous(o.shape()), false));
    }
    long weights = staging.reserve(plan.weightBytes());
    LongConsumer load = loadWeights(op, in, plan, context);
    long workspace = staging.reserve(plan.inferenceBytes());
    return staging.around(base -> {
      load.accept(base + weights);
      plan.infer(sequence.states(base, y.address(base), last), base + weights, base + workspace);
    });
  }

  static Prepared prepare(RecurrentGrad op, Call call, CudaContext context) {
    Recurrent forward = op.forward();
    List<Operand> in = call.in();
    List<Operand> out = call.out();
    int states = forward.cell().states();
    List<Operand> gradWeights = out.subList(forward.weights(), forward.weights() + WEIGHTS);
    if (in.get(0).shape().dim(1) == 0) {
      List<Runnable> zeros = gradWeights.stream().map(o -> StridedCopy.zeros(context, o)).toList();
      return Prepared.of(() -> zeros.forEach(Runnable::run));
    }
    RecurrentPlan plan = plan(forward, in, context);
    Staging staging = new Staging(context);
    Sequence sequence = Sequence.of(staging, forward, in);
    List<Operand> given = in.subList(in.size() - 1 - states, in.size());
    Staging.Place gradY = steps(staging, forward, given.get(0), false);
    List<Staging.Place> gradLast = new ArrayList<>();
    for (Operand o : given.subList(1, 1 + states)) {
      gradLast.add(staging.input(o, Layout.contiguous(o.shape())));
    }
    Staging.Place gradX = steps(staging, forward, out.get(0), true);
    List<Staging.Place> gradFirst = new ArrayList<>();
    for (Operand o : out.subList(1, 1 + states)) {
      gradFirst.add(staging.output(o, Layout.contiguous(o.shape()), false));
    }
    long weights = staging.reserve(plan.weightBytes());
    long ofWeights = staging.reserve(plan.weightBytes());
    long y = staging.reserve(given.get(0).shape().size() * Float.BYTES);
    long workspace = staging.reserve(plan.trainingBytes());
    long reserve = staging.reserve(plan.reserveBytes());
    LongConsumer load = loadWeights(forward, in, plan, context);
    LongConsumer store = storeWeights(gradWeights, plan, context);
    return staging.around(base -> {
      load.accept(base + weights);
      RecurrentPlan.States computed = sequence.states(base, base + y, List.of());
      plan.train(computed, base + weights, base + workspace, base + reserve);
      context.check(
          JCudaDriver.cuMemsetD8Async(new Address(base + ofWeights), (byte) 0, plan.weightBytes(), context.stream()),
          "cuMemsetD8Async");
      Sequence gradients = new Sequence(gradX, gradFirst);
      plan.backward(computed, gradients.states(base, gradY.address(base), gradLast), base + weights, base + ofWeights,
          base + workspace, base + reserve);
      store.accept(base + ofWeights);
    });
  }

  private static RecurrentPlan plan(Recurrent op, List<Operand> in, CudaContext context) {
    Shape x = in.get(0).shape();
    ShapeException.require(x.dim(2) > 0, "x [T, N, I] must have at least one feature on cuda");
    return RecurrentPlan.of(context,
        new RecurrentPlan.Key(op.cell(), x.dim(0), x.dim(1), x.dim(2), in.get(1).shape().dim(1),
            Arithmetic.of(op, in.get(0).dtype())));
  }

  /** What a pass starts from, or the gradients of that: x and the first states. */
  private record Sequence(Staging.Place x, List<Staging.Place> first) {
    static Sequence of(Staging staging, Recurrent op, List<Operand> in) {
      Staging.Place x = steps(staging, op, in.get(0), false);
      List<Staging.Place> first = new ArrayList<>();
      for (Operand o : in.subList(1, 1 + op.cell().states())) {
        first.add(staging.input(o, Layout.contiguous(o.shape())));
      }
      return new Sequence(x, first);
    }

    /** @param last the states that the pass ends with; fewer than there are if they are not wanted */
    RecurrentPlan.States states(long base, long y, List<Staging.Place> last) {
      return new RecurrentPlan.States(x.address(base), y, address(first, 0, base), address(last, 0, base),
          address(first, 1, base), address(last, 1, base));
    }

    private static long address(List<Staging.Place> places, int k, long base) {
      return k < places.size() ? places.get(k).address(base) : 0;
    }
  }

  /** Steps [T, N, features] densely, in the order that the cells go through them. */
  private static Staging.Place steps(Staging staging, Recurrent op, Operand o, boolean writes) {
    if (op.reverse()) {
      return staging.reversed(o, writes);
    }
    Layout dense = Layout.contiguous(o.shape());
    return writes ? staging.output(o, dense, false) : staging.input(o, dense);
  }

  private static LongConsumer loadWeights(Recurrent op, List<Operand> in, RecurrentPlan plan, CudaContext context) {
    return weights(in.subList(op.weights(), op.weights() + WEIGHTS), plan, context, true);
  }

  private static LongConsumer storeWeights(List<Operand> gradients, RecurrentPlan plan, CudaContext context) {
    return weights(gradients, plan, context, false);
  }

  /** Copies between the four operands and cuDNN's weights, whose address it gets. */
  private static LongConsumer weights(List<Operand> operands, RecurrentPlan plan, CudaContext context, boolean load) {
    List<LongConsumer> copies = new ArrayList<>();
    for (int k = 0; k < WEIGHTS; k++) {
      Operand operand = operands.get(k);
      for (RecurrentPlan.Segment s : plan.segments(k)) {
        Layout rows = operand.layout().slice(0, s.row(), s.row() + s.rows(), 1);
        Layout dense = Layout.contiguous(rows.shape());
        long address = context.address(new Operand(operand.storage(), rows));
        if (load) {
          StridedCopy copy = StridedCopy.of(context, rows, dense, operand.dtype());
          copies.add(space -> copy.run(address, space + s.at()));
        } else {
          StridedCopy copy = StridedCopy.of(context, dense, rows, operand.dtype());
          copies.add(space -> copy.run(space + s.at(), address));
        }
      }
    }
    return space -> copies.forEach(c -> c.accept(space));
  }
}
