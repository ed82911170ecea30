package dev.tandem.cuda;

import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.Operand;
import dev.tandem.core.op.Recurrent;
import dev.tandem.core.op.RecurrentGrad;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.Layout;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import jcuda.driver.JCudaDriver;

/**
 * Sequences step by step: one product for the inputs of all steps, then in every step a product by cuBLAS and a kernel of our own.
 * It takes what cuDNN does not: cells that reset the state before its product, and sequences of different lengths, which cuDNN wants
 * to know on the host, where a captured step could not change them. Here the kernels read them.
 *
 * <p>What it keeps for the gradient is what {@link Recurrent} proposes: gates after activation, and an LSTM's cell states or a GRU's
 * {@code W_hn h + b_hn}.
 */
final class RecurrentSteps {
  private static final int WEIGHTS = 4;
  private static final int BLOCKS_PER_MULTIPROCESSOR = 8;

  private final Recurrent op;
  private final CudaContext context;
  private final Cublas cublas;
  private final Arithmetic arithmetic;
  private final Staging staging;
  private final int steps;
  private final int sequences;
  private final int features;
  private final int hidden;
  /** G*H. */
  private final int rows;
  private final List<Staging.Place> weights = new ArrayList<>();
  private final Staging.Place x;
  private final List<Staging.Place> first = new ArrayList<>();
  private final long lengths;
  private final long lengthStep;

  private RecurrentSteps(Recurrent op, List<Operand> in, CudaContext context) {
    this.op = op;
    this.context = context;
    cublas = Cublas.of(context);
    arithmetic = Arithmetic.of(op, DType.F32);
    staging = new Staging(context);
    steps = in.get(0).shape().dim(0);
    sequences = in.get(0).shape().dim(1);
    features = in.get(0).shape().dim(2);
    hidden = in.get(1).shape().dim(1);
    rows = op.cell().gates() * hidden;
    x = input(in.get(0));
    in.subList(1, op.weights()).forEach(o -> first.add(input(o)));
    in.subList(op.weights(), op.weights() + WEIGHTS).forEach(o -> weights.add(input(o)));
    Operand last = in.get(op.operands() - 1);
    lengths = op.masked() ? context.address(last) : 0;
    lengthStep = op.masked() ? last.layout().stride(0) : 0;
  }

  private Staging.Place input(Operand o) {
    return staging.input(o, Layout.contiguous(o.shape()));
  }

  private Staging.Place output(Operand o) {
    return staging.output(o, Layout.contiguous(o.shape()), false);
  }

  /** Scratch memory for so many numbers; returns its distance from the base. */
  private long numbers(long count) {
    return staging.reserve(count * Float.BYTES);
  }

  private Kernels.Kernel kernel(String name) {
    return context.kernels().get(List.of("recurrent.cu", name), name,
        () -> context.kernels().source("opcodes.cuh") + context.kernels().source("recurrent.cu"));
  }

  private String cell() {
    return op.cell().name().toLowerCase(Locale.ROOT);
  }

  private boolean resetsBefore() {
    return op.cell() == Recurrent.Cell.GRU_RESET_BEFORE;
  }

  /** Of step {@code t} among steps of {@code width} numbers for each sequence. */
  private long at(long address, int t, int width) {
    return address + (long) t * sequences * width * Float.BYTES;
  }

  /** The k-th step of the forward pass. */
  private int time(int k) {
    return op.reverse() ? steps - 1 - k : k;
  }

  /** Starts a kernel on the states of step {@code t}, with these arguments behind those that all kernels have. */
  private void launch(Kernels.Kernel kernel, int t, long... arguments) {
    long elements = (long) sequences * hidden;
    long[] all = new long[5 + arguments.length];
    all[0] = elements;
    all[1] = hidden;
    all[2] = lengths;
    all[3] = lengthStep;
    all[4] = t;
    System.arraycopy(arguments, 0, all, 5, arguments.length);
    long blocks = Math.min((elements + Kernels.THREADS - 1) / Kernels.THREADS,
        (long) BLOCKS_PER_MULTIPROCESSOR * context.multiprocessors());
    context.launch(kernel, blocks, Kernels.THREADS, 0, all);
  }

  /** A matrix [rows, columns] stored by rows, {@code ld} numbers apart, that takes part as it is or transposed. */
  private record Matrix(long address, int ld, boolean transposed) {
    static Matrix of(long address, int ld) {
      return new Matrix(address, ld, false);
    }

    Matrix transpose() {
      return new Matrix(address, ld, !transposed);
    }

    Cublas.Matrix forCublas() {
      return new Cublas.Matrix(address, transposed, Math.max(1, ld), 0);
    }
  }

  /** {@code c [m, n] = a [m, k] b [k, n]}, or that added to c; cuBLAS computes the transposes, by columns. */
  private void product(int m, int n, int k, Matrix a, Matrix b, Matrix c, boolean accumulate) {
    product(arithmetic, m, n, k, a, b, c, accumulate);
  }

  private void product(Arithmetic how, int m, int n, int k, Matrix a, Matrix b, Matrix c, boolean accumulate) {
    if (k == 0) {
      check(JCudaDriver.cuMemsetD8Async(new Address(c.address), (byte) 0, (long) m * n * Float.BYTES,
          context.stream()), "cuMemsetD8Async");
    } else if (m > 0 && n > 0) {
      cublas.multiply(how, n, m, k, b.forCublas(), a.forCublas(), c.forCublas(), accumulate, 1);
    }
  }

  private void check(int status, String call) {
    context.check(status, call);
  }

  /** Copies dense numbers. */
  private void copy(long from, long to, long count) {
    check(JCudaDriver.cuMemcpyDtoDAsync(new Address(to), new Address(from), count * Float.BYTES, context.stream()),
        "cuMemcpyDtoDAsync");
  }

  static Prepared prepare(Recurrent op, Call call, CudaContext context) {
    return new RecurrentSteps(op, call.in(), context).forward(call.out());
  }

  static Prepared prepare(RecurrentGrad op, Call call, CudaContext context) {
    return new RecurrentSteps(op.forward(), call.in(), context).backward(call.in(), call.out());
  }

  private Prepared forward(List<Operand> out) {
    int results = op.results(out.size());
    Staging.Place y = output(out.get(0));
    List<Staging.Place> states = out.subList(1, results).stream().map(this::output).toList();
    // Where nothing is kept, the gates have scratch memory and the rest has none.
    List<Staging.Place> kept = out.subList(results, out.size()).stream().map(this::output).toList();
    boolean hasGates = !kept.isEmpty() && op.cell().gates() > 1;
    long room = hasGates ? 0 : numbers((long) steps * sequences * rows);
    long ofH = numbers((long) sequences * rows);
    long reset = numbers(resetsBefore() ? (long) sequences * hidden : 0);
    Kernels.Kernel step = kernel(cell());
    Kernels.Kernel resets = resetsBefore() ? kernel("gru_reset") : step;
    return staging.around(base -> {
      long gates = hasGates ? kept.get(0).address(base) : base + room;
      long memory = kept.size() > 1 ? kept.get(1).address(base) : 0;
      product(Math.multiplyExact(steps, sequences), rows, features, Matrix.of(x.address(base), features),
          Matrix.of(weights.get(0).address(base), features).transpose(), Matrix.of(gates, rows), false);
      for (int s = 0; s < states.size(); s++) {
        copy(first.get(s).address(base), states.get(s).address(base), (long) sequences * hidden);
      }
      long h = states.get(0).address(base);
      long c = states.size() > 1 ? states.get(1).address(base) : 0;
      for (int k = 0; k < steps; k++) {
        int t = time(k);
        long gatesOfStep = at(gates, t, rows);
        ofState(base, t, resets, h, gatesOfStep, base + ofH, base + reset);
        launch(step, t, gatesOfStep, base + ofH, weights.get(2).address(base), weights.get(3).address(base), h, c,
            at(y.address(base), t, hidden), memory == 0 ? 0 : at(memory, t, hidden));
      }
    });
  }

  /** {@code W_h h}, in which the rows of n read r h where the cell says so. */
  private void ofState(long base, int t, Kernels.Kernel resets, long h, long gates, long ofH, long reset) {
    Matrix weight = Matrix.of(weights.get(1).address(base), hidden).transpose();
    if (!resetsBefore()) {
      product(sequences, rows, hidden, Matrix.of(h, hidden), weight, Matrix.of(ofH, rows), false);
      return;
    }
    product(sequences, 2 * hidden, hidden, Matrix.of(h, hidden), weight, Matrix.of(ofH, rows), false);
    launch(resets, t, gates, ofH, weights.get(2).address(base), weights.get(3).address(base), h, reset);
    product(sequences, hidden, hidden, Matrix.of(reset, hidden), candidate(base).transpose(),
        Matrix.of(ofH + 2L * hidden * Float.BYTES, rows), false);
  }

  /** {@code W_hn}: the last H rows of a GRU's weights. */
  private Matrix candidate(long base) {
    return Matrix.of(weights.get(1).address(base) + 2L * hidden * hidden * Float.BYTES, hidden);
  }

  /** What the steps of backpropagation read and write beside the operands, as addresses. */
  private record Backward(long y, long gates, long memory, long gradY, long dh, long dc, long gradGates, long gradOfH,
      long before, long reset, long gradReset) {
  }

  private Prepared backward(List<Operand> in, List<Operand> out) {
    int results = 1 + op.cell().states();
    List<Staging.Place> made =
        in.subList(op.operands(), in.size() - results).stream().map(this::input).toList();
    List<Staging.Place> given = in.subList(in.size() - results, in.size()).stream().map(this::input).toList();
    List<Staging.Place> gradients = out.stream().map(this::output).toList();
    long everyStep = (long) steps * sequences;
    boolean isGru = op.cell() == Recurrent.Cell.GRU;
    long gradGates = numbers(everyStep * rows);
    long gradOfH = isGru ? numbers(everyStep * rows) : gradGates;
    long before = numbers(everyStep * hidden);
    long reset = numbers(resetsBefore() ? everyStep * hidden : 0);
    long gradReset = numbers(resetsBefore() ? (long) sequences * hidden : 0);
    long ones = numbers(everyStep);
    Kernels.Kernel step = kernel(cell() + "_grad");
    Kernels.Kernel resets = resetsBefore() ? kernel("gru_reset_grad") : step;
    return staging.around(base -> {
      for (int s = 1; s < results; s++) {
        copy(given.get(s).address(base), gradients.get(s).address(base), (long) sequences * hidden);
      }
      Backward b = new Backward(made.get(0).address(base), address(made, results, base),
          address(made, results + 1, base), given.get(0).address(base), gradients.get(1).address(base),
          results > 2 ? gradients.get(2).address(base) : 0, base + gradGates, base + gradOfH, base + before,
          base + reset, base + gradReset);
      for (int k = steps - 1; k >= 0; k--) {
        back(base, k, b, step, resets);
      }
      gradientsOfInputs(base, b, base + ones, gradients);
    });
  }

  private static long address(List<Staging.Place> places, int k, long base) {
    return k < places.size() ? places.get(k).address(base) : 0;
  }

  private void back(long base, int k, Backward b, Kernels.Kernel step, Kernels.Kernel resets) {
    int t = time(k);
    // Not read in the first step.
    int previous = k == 0 ? t : time(k - 1);
    long gates = b.gates == 0 ? 0 : at(b.gates, t, rows);
    long gradGates = at(b.gradGates, t, rows);
    long gradOfH = at(b.gradOfH, t, rows);
    long before = at(b.before, t, hidden);
    boolean remembers = b.memory != 0;
    launch(step, t, steps, op.reverse() ? 1 : 0, gates, remembers ? at(b.memory, t, hidden) : 0, at(b.y, t, hidden),
        at(b.y, previous, hidden), first.get(0).address(base), remembers ? at(b.memory, previous, hidden) : 0,
        first.getLast().address(base), at(b.gradY, t, hidden), b.dh, b.dc, gradGates, gradOfH, before);
    int direct = rows;
    if (resetsBefore()) {
      direct = 2 * hidden;
      product(sequences, hidden, hidden, Matrix.of(gradGates + 2L * hidden * Float.BYTES, rows), candidate(base),
          Matrix.of(b.gradReset, hidden), false);
      launch(resets, t, gates, before, b.gradReset, b.dh, gradGates, at(b.reset, t, hidden));
    }
    product(sequences, hidden, direct, Matrix.of(gradOfH, rows), Matrix.of(weights.get(1).address(base), hidden),
        Matrix.of(b.dh, hidden), true);
  }

  /** Those of x, the weights and the biases, each one product over all steps. */
  private void gradientsOfInputs(long base, Backward b, long ones, List<Staging.Place> gradients) {
    int all = Math.multiplyExact(steps, sequences);
    Matrix ofX = Matrix.of(b.gradGates, rows);
    Matrix ofH = Matrix.of(b.gradOfH, rows);
    product(all, features, rows, ofX, Matrix.of(weights.get(0).address(base), features),
        Matrix.of(gradients.get(0).address(base), features), false);
    int w = op.weights();
    product(rows, features, all, ofX.transpose(), Matrix.of(x.address(base), features),
        Matrix.of(gradients.get(w).address(base), features), false);
    long gradWeightHh = gradients.get(w + 1).address(base);
    int direct = resetsBefore() ? 2 * hidden : rows;
    product(direct, hidden, all, ofH.transpose(), Matrix.of(b.before, hidden), Matrix.of(gradWeightHh, hidden), false);
    if (resetsBefore()) {
      product(hidden, hidden, all, Matrix.of(b.gradOfH + 2L * hidden * Float.BYTES, rows).transpose(),
          Matrix.of(b.reset, hidden), Matrix.of(gradWeightHh + 2L * hidden * hidden * Float.BYTES, hidden), false);
    }
    check(JCudaDriver.cuMemsetD32Async(new Address(ones), Float.floatToRawIntBits(1), all, context.stream()),
        "cuMemsetD32Async");
    Matrix sum = Matrix.of(ones, all);
    // What is only summed up is not rounded.
    product(Arithmetic.FP32, 1, rows, all, sum, ofX, Matrix.of(gradients.get(w + 2).address(base), rows), false);
    product(Arithmetic.FP32, 1, rows, all, sum, ofH, Matrix.of(gradients.get(w + 3).address(base), rows), false);
  }
}
