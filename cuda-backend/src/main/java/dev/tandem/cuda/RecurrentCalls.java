package dev.tandem.cuda;

import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.Operand;
import dev.tandem.core.op.Recurrent;
import dev.tandem.core.op.RecurrentGrad;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.Layout;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.Spec;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongConsumer;
import jcuda.driver.JCudaDriver;

/**
 * Sequences of one length through cuDNN, all others through {@link RecurrentSteps}. Time runs backward over copies, as cuDNN has no
 * layer that only runs backward.
 */
final class RecurrentCalls {
  private static final int WEIGHTS = 4;
  /** Bytes of a row of what cuDNN keeps: a shape's dimensions are ints. */
  private static final int RESERVE_ROW = 4096;

  private RecurrentCalls() {
  }

  private static boolean isForCudnn(Recurrent op, Shape x) {
    return !op.masked() && op.cell() != Recurrent.Cell.GRU_RESET_BEFORE && x.dim(2) > 0;
  }

  /** What a forward pass keeps for its gradient: nothing where none will follow, cuDNN's reserve space as bytes, or what the operation
   * proposes. */
  static List<Spec> memory(Recurrent op, List<Spec> in, List<Spec> trailing, boolean recording, CudaContext context) {
    Shape x = in.get(0).shape();
    if (!recording || x.dim(1) == 0) {
      return List.of();
    }
    if (!isForCudnn(op, x)) {
      return trailing;
    }
    long bytes = plan(op, x, in.get(1).shape(), context).reserveBytes();
    return List.of(new Spec(Shape.of(Math.toIntExact((bytes + RESERVE_ROW - 1) / RESERVE_ROW), RESERVE_ROW), DType.U8));
  }

  static Prepared prepare(Recurrent op, Call call, CudaContext context) {
    List<Operand> in = call.in();
    List<Operand> out = call.out();
    if (in.get(0).shape().dim(1) == 0) {
      return Prepared.nothing();
    }
    if (!isForCudnn(op, in.get(0).shape())) {
      return RecurrentSteps.prepare(op, call, context);
    }
    RecurrentPlan plan = plan(op, in.get(0).shape(), in.get(1).shape(), context);
    Staging staging = new Staging(context);
    Sequence sequence = Sequence.of(staging, op, in);
    Staging.Place y = steps(staging, op, out.get(0), true);
    int results = op.results(out.size());
    List<Staging.Place> last = new ArrayList<>();
    for (Operand o : out.subList(1, results)) {
      last.add(staging.output(o, Layout.contiguous(o.shape()), false));
    }
    long weights = staging.reserve(plan.weightBytes());
    LongConsumer load = loadWeights(op, in, plan, context);
    boolean trains = out.size() > results;
    long workspace = staging.reserve(trains ? plan.trainingBytes() : plan.inferenceBytes());
    long reserve = trains ? reserve(out.get(results), plan, context) : 0;
    return staging.around(base -> {
      load.accept(base + weights);
      RecurrentPlan.States states = sequence.states(base, y.address(base), last);
      if (trains) {
        plan.train(states, base + weights, base + workspace, reserve);
      } else {
        plan.infer(states, base + weights, base + workspace);
      }
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
    if (!isForCudnn(forward, in.get(0).shape())) {
      return RecurrentSteps.prepare(op, call, context);
    }
    RecurrentPlan plan = plan(forward, in.get(0).shape(), in.get(1).shape(), context);
    Staging staging = new Staging(context);
    Sequence sequence = Sequence.of(staging, forward, in);
    int made = forward.operands();
    Staging.Place y = steps(staging, forward, in.get(made), false);
    long kept = reserve(in.get(made + 1 + states), plan, context);
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
    long workspace = staging.reserve(plan.trainingBytes());
    long reserve = staging.reserve(plan.reserveBytes());
    LongConsumer load = loadWeights(forward, in, plan, context);
    LongConsumer store = storeWeights(gradWeights, plan, context);
    return staging.around(base -> {
      load.accept(base + weights);
      // A copy, as cuDNN writes to it on its way back and a tape may be run backward more than once.
      context.check(JCudaDriver.cuMemcpyDtoDAsync(new Address(base + reserve), new Address(kept), plan.reserveBytes(),
          context.stream()), "cuMemcpyDtoDAsync");
      context.check(
          JCudaDriver.cuMemsetD8Async(new Address(base + ofWeights), (byte) 0, plan.weightBytes(), context.stream()),
          "cuMemsetD8Async");
      RecurrentPlan.States computed = sequence.states(base, y.address(base), List.of());
      Sequence gradients = new Sequence(gradX, gradFirst);
      plan.backward(computed, gradients.states(base, gradY.address(base), gradLast), base + weights, base + ofWeights,
          base + workspace, base + reserve);
      store.accept(base + ofWeights);
    });
  }

  private static long reserve(Operand memory, RecurrentPlan plan, CudaContext context) {
    if (memory.dtype() != DType.U8 || !memory.layout().isContiguous() || memory.shape().size() < plan.reserveBytes()) {
      throw new IllegalArgumentException(
          memory + " is not the memory that Backend.memory asked for: " + plan.reserveBytes() + " bytes");
    }
    return context.address(memory);
  }

  private static RecurrentPlan plan(Recurrent op, Shape x, Shape h0, CudaContext context) {
    return RecurrentPlan.of(context,
        new RecurrentPlan.Key(op.cell(), x.dim(0), x.dim(1), x.dim(2), h0.dim(1), Arithmetic.of(op, DType.F32)));
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
