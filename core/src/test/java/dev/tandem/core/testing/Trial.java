package dev.tandem.core.testing;

import dev.tandem.core.backend.Backend;
import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.Operand;
import dev.tandem.core.backend.Storage;
import dev.tandem.core.op.Composite;
import dev.tandem.core.op.Op;
import dev.tandem.core.op.Pointwise;
import dev.tandem.core.op.Product;
import dev.tandem.core.op.Reduce;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.shape.Layout;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.Spec;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Assertions;

/**
 * Calls run on a backend and on the oracle, on memory with the same random contents, then compared: the elements of
 * each output within a bound, everything around them and every input to the bit.
 */
final class Trial implements AutoCloseable {
  /** The unit roundoff of fp32. */
  static final double UNIT = 0x1p-24;
  /** Elements behind the last one of an operand, where a loop that runs too far leaves its traces. */
  private static final int MARGIN = 19;

  /** Who sees an operand: what one keeps of a forward pass for its gradient is nothing to the other. */
  enum Side {
    BOTH, BACKEND, ORACLE
  }

  /** An operand in both memories. */
  record Slot(Layout layout, Storage got, Storage want, HostArray before, Side side) {
    Slot(Layout layout, Storage got, Storage want, HostArray before) {
      this(layout, got, want, before, Side.BOTH);
    }

    DType dtype() {
      return got.dtype();
    }

    Shape shape() {
      return layout.shape();
    }

    /** The same memory seen through another layout. */
    Slot as(Layout other) {
      return new Slot(other, got, want, before, side);
    }

    private Slot seenBy(Side one) {
      return new Slot(layout, got, want, before, one);
    }

    private boolean isSeenBy(Side one) {
      return side == Side.BOTH || side == one;
    }

    Operand operand() {
      return new Operand(got, layout);
    }

    Operand oracleOperand() {
      return new Operand(want, layout);
    }

    private Elements elements() {
      return Elements.of(oracleOperand());
    }
  }

  private final Backend backend;
  private final ReferenceBackend oracle;
  private final long seed;
  private final Random random;
  private final List<Storage> made = new ArrayList<>();
  private long compared;
  private long undecided;

  Trial(Backend backend, ReferenceBackend oracle, long seed) {
    this.backend = backend;
    this.oracle = oracle;
    this.seed = seed;
    this.random = new Random(seed);
  }

  RandomGenerator random() {
    return random;
  }

  /** How many elements were compared, less those of which nothing can be said. */
  long compared() {
    return compared - undecided;
  }

  long undecided() {
    return undecided;
  }

  /** Ordinary random numbers. */
  Slot slot(DType dtype, Arrangement arrangement, int... dims) {
    return slot(dtype, arrangement.of(Shape.of(dims)), Numbers.ORDINARY);
  }

  /** Random numbers, in the gaps of the layout too. */
  Slot slot(DType dtype, Layout layout, Numbers numbers) {
    long elements = Math.max(layout.offset(), layout.end()) + MARGIN;
    HostArray values = HostArray.zeros(dtype, Math.toIntExact(elements));
    for (long i = 0; i < elements; i++) {
      values.set(i, numbers.draw(dtype, random));
    }
    return slot(layout, values);
  }

  /** These numbers, row-major. */
  Slot slot(DType dtype, double[] numbers, Arrangement arrangement, int... dims) {
    Slot s = slot(dtype, arrangement, dims);
    long[] addresses = Positions.addresses(s.layout);
    for (int i = 0; i < addresses.length; i++) {
      s.before.set(addresses[i], numbers[i]);
    }
    write(s);
    return s;
  }

  /** An output that has been computed, for use as an operand: each side goes on with its own numbers. */
  Slot computed(Slot output) {
    return new Slot(output.layout, output.got, output.want, read(output), output.side);
  }

  private Slot slot(Layout layout, HostArray values) {
    long elements = values.shape().size();
    Slot s =
        new Slot(layout, backend.allocate(values.dtype(), elements), oracle.allocate(values.dtype(), elements), values);
    made.add(s.got);
    write(s);
    return s;
  }

  private void write(Slot s) {
    backend.write(s.got, 0, s.before.data());
    oracle.write(s.want, 0, s.before.data());
  }

  /** An output for {@code op}, in this arrangement, its memory full of random numbers. The oracle does not round what it stores there:
   * a backend's numbers are compared with what they were rounded from. */
  List<Slot> outputs(Op op, Arrangement arrangement, List<Slot> in) {
    return outputs(op.outputs(specs(in)), arrangement);
  }

  private List<Slot> outputs(List<Spec> specs, Arrangement arrangement) {
    return specs.stream().map(spec -> unrounded(slot(spec.dtype(), arrangement.of(spec.shape()), Numbers.ORDINARY)))
        .toList();
  }

  private static List<Spec> specs(List<Slot> in) {
    return in.stream().filter(s -> s.isSeenBy(Side.BACKEND)).map(s -> s.operand().spec()).toList();
  }

  /** Outputs for {@code op}: its results, then what each side keeps of a forward pass; memory of a backend is always dense.
   *
   * @param recording whether the backend shall keep what its gradient reads
   */
  List<Slot> outputs(Composite op, Arrangement arrangement, List<Slot> in, boolean recording) {
    List<Spec> specs = specs(in);
    List<Spec> all = op.outputs(specs);
    int results = op.results(all.size());
    List<Spec> trailing = all.subList(results, all.size());
    List<Slot> made = new ArrayList<>(outputs(all.subList(0, results), arrangement));
    outputs(backend.memory(op, specs, trailing, recording), Arrangement.CONTIGUOUS)
        .forEach(s -> made.add(s.seenBy(Side.BACKEND)));
    outputs(trailing, Arrangement.CONTIGUOUS).forEach(s -> made.add(s.seenBy(Side.ORACLE)));
    return made;
  }

  private static Slot unrounded(Slot s) {
    double[] values = ReferenceBackend.values(s.want).clone();
    return new Slot(s.layout, s.got, new Elements.Memory(s.dtype(), values, true), s.before, s.side);
  }

  /** A program, each element within {@link ErrorBound}. */
  void pointwise(Pointwise op, List<Slot> in, List<Slot> out) {
    Program program = op.program();
    Shape full = Shape.broadcast(in.stream().map(Slot::shape).toList());
    List<Elements> sources = in.stream().map(s -> s.elements().expand(full)).toList();
    int size = Math.toIntExact(full.size());
    List<Expected> expected = new ArrayList<>();
    for (int k = 0; k < out.size(); k++) {
      expected.add(Expected.exactly(new double[size]));
    }
    for (int position = 0; position < size; position++) {
      ErrorBound bound = ErrorBound.of(program, sources, position, op.launch());
      for (int k = 0; k < out.size(); k++) {
        expected.get(k).value[position] = bound.value(program.outputs().get(k));
        expected.get(k).error[position] = bound.error(program.outputs().get(k));
      }
    }
    execute(op, in, out);
    compare(op, in, out, expected);
  }

  /**
   * A reduction. A sum of n numbers may be wrong by {@code 4 u (sqrt(n) + 2)} of the sum of their magnitudes, which
   * rounding errors that are independent of each other rarely reach, and by the errors of the numbers themselves; an
   * extreme by the largest error of a number. The position of an extreme must be exact, so the prologue has to be.
   */
  void reduce(Reduce op, List<Slot> in, Slot out) {
    Shape full = Shape.broadcast(in.stream().map(Slot::shape).toList());
    List<Elements> sources = in.stream().map(s -> s.elements().expand(full)).toList();
    double[] magnitude = new double[Math.toIntExact(out.shape().size())];
    double[] error = new double[magnitude.length];
    int result = op.prologue().outputs().get(0);
    for (long position = 0; position < full.size(); position++) {
      ErrorBound bound = ErrorBound.of(op.prologue(), sources, position, op.launch());
      int target = Math.toIntExact(ReferencePointwise.target(position, full, out.shape()));
      double e = bound.error(result);
      if (op.kind() == Reduce.Kind.SUM) {
        error[target] += e;
        magnitude[target] += Math.abs(bound.value(result));
      } else {
        error[target] = Math.max(error[target], e);
      }
    }
    execute(op, in, List.of(out));
    if (op.kind() == Reduce.Kind.SUM && out.dtype().isFloat() && out.shape().size() > 0) {
      addSumError(error, magnitude, full.size() / out.shape().size());
    }
    compare(op, in, List.of(out), List.of(new Expected(values(out), error)));
  }

  /** An operation that moves elements: to the bit. */
  void exact(Op op, List<Slot> in, List<Slot> out) {
    execute(op, in, out);
    compare(op, in, out, out.stream().map(s -> Expected.exactly(values(s))).toList());
  }

  /**
   * An operation whose results are sums of {@code terms} products: as for {@link #reduce}. The magnitudes are what
   * the oracle makes of absolute values. Where operands may be rounded to TF32, which some devices do by cutting off, each
   * may lose 2^-10 of itself before that.
   *
   * @param signed an operand that is left as it is for the magnitudes, because it chooses and is not summed; -1 for
   *     none
   */
  void sums(Op op, List<Slot> in, Slot out, long terms, int signed) {
    List<Operand> absolute = new ArrayList<>();
    for (int i = 0; i < in.size(); i++) {
      absolute.add(magnitudes(in.get(i), i != signed));
    }
    Operand total = magnitudes(out, true);
    oracle.execute(new Call(op, absolute, List.of(total), null));
    double[] error = new double[Math.toIntExact(out.shape().size())];
    addSumError(error, values(Elements.of(total)), terms);
    if (op instanceof Product p && p.tf32()) {
      double[] magnitude = values(Elements.of(total));
      Arrays.setAll(error, i -> error[i] + 0x1p-9 * magnitude[i]);
    }
    execute(op, in, List.of(out));
    compare(op, in, List.of(out), List.of(new Expected(values(out), error)));
  }

  void sums(Op op, List<Slot> in, Slot out, long terms) {
    sums(op, in, out, terms, -1);
  }

  /** Whatever bound the caller has derived: {@code errors} by output and row-major position. */
  void within(Op op, List<Slot> in, List<Slot> out, List<double[]> errors) {
    execute(op, in, out);
    List<Expected> expected = new ArrayList<>();
    for (int k = 0; k < out.size(); k++) {
      expected.add(new Expected(values(out.get(k)), errors.get(k)));
    }
    compare(op, in, out, expected);
  }

  private Operand magnitudes(Slot s, boolean absolute) {
    double[] v = values(s);
    Storage copy = new Elements.Memory(s.dtype(), new double[v.length], true);
    for (int i = 0; i < v.length; i++) {
      ReferenceBackend.values(copy)[i] = absolute && s.dtype().isFloat() ? Math.abs(v[i]) : v[i];
    }
    return new Operand(copy, Layout.contiguous(s.shape()));
  }

  private static void addSumError(double[] error, double[] magnitude, long terms) {
    for (int i = 0; i < error.length; i++) {
      // Infinities and NaN among the terms leave an infinity or NaN, which must be exact.
      error[i] += Double.isFinite(magnitude[i])
          ? 4 * UNIT * (Math.sqrt((double) terms) + 2) * magnitude[i] + terms * (double) Float.MIN_VALUE : 0;
    }
  }

  /** What the oracle holds, row-major. */
  double[] values(Slot s) {
    return values(s.elements());
  }

  private static double[] values(Elements e) {
    double[] r = new double[Math.toIntExact(e.size())];
    Arrays.setAll(r, e::get);
    return r;
  }

  /** Runs on the oracle alone, for bounds that depend on what it finds. */
  void runOracle(Op op, List<Slot> in, List<Slot> out) {
    oracle.execute(new Call(op, oracleOperands(in), oracleOperands(out), null));
  }

  private static List<Operand> oracleOperands(List<Slot> slots) {
    return slots.stream().filter(s -> s.isSeenBy(Side.ORACLE)).map(Slot::oracleOperand).toList();
  }

  /** Runs on both. Scratch memory is full of NaN bits, as if other work had just used it. */
  void execute(Op op, List<Slot> in, List<Slot> out) {
    runOracle(op, in, out);
    try {
      backend.execute(call(op, in, out));
      backend.synchronize();
    } catch (RuntimeException | Error e) {
      throw new AssertionError(describe(op, in, out) + ": " + e, e);
    }
  }

  /** The call as the backend under test gets it. */
  Call call(Op op, List<Slot> in, List<Slot> out) {
    List<Operand> sources = operands(in);
    List<Operand> targets = operands(out);
    return new Call(op, sources, targets, scratch(backend.scratch(op, sources, targets)));
  }

  private static List<Operand> operands(List<Slot> slots) {
    return slots.stream().filter(s -> s.isSeenBy(Side.BACKEND)).map(Slot::operand).toList();
  }

  private @Nullable Storage scratch(long bytes) {
    if (bytes == 0) {
      return null;
    }
    Storage s = backend.allocate(DType.U8, bytes);
    made.add(s);
    byte[] noise = new byte[Math.toIntExact(bytes)];
    Arrays.fill(noise, (byte) 0xFF);
    backend.write(s, 0, HostArray.of(noise, noise.length).data());
    return s;
  }

  /** All memory of an operand on the backend under test. */
  HostArray read(Slot s) {
    HostArray host = HostArray.zeros(s.dtype(), Math.toIntExact(s.got.elements()));
    backend.read(s.got, 0, host.data());
    return host;
  }

  private void compare(Op op, List<Slot> in, List<Slot> out, List<Expected> expected) {
    for (int k = 0; k < out.size(); k++) {
      if (out.get(k).side == Side.BOTH) {
        compare(op, in, out, k, expected.get(k));
      }
    }
    for (int i = 0; i < in.size(); i++) {
      Slot s = in.get(i);
      boolean overwritten = out.stream().anyMatch(o -> o.got.equals(s.got));
      if (!overwritten && read(s).data().mismatch(s.before.data()) >= 0) {
        Assertions.fail(describe(op, in, out) + ": input " + i + " was changed");
      }
    }
  }

  private void compare(Op op, List<Slot> in, List<Slot> out, int k, Expected expected) {
    Slot s = out.get(k);
    HostArray after = read(s);
    long[] addresses = Positions.addresses(s.layout);
    BitSet inside = new BitSet();
    for (Slot o : out) {
      if (o.got.equals(s.got)) {
        Arrays.stream(Positions.addresses(o.layout)).forEach(a -> inside.set((int) a));
      }
    }
    for (int position = 0; position < addresses.length; position++) {
      double got = after.get(addresses[position]);
      double want = expected.value[position];
      double error = expected.error[position];
      compared++;
      undecided += Double.isInfinite(error) ? 1 : 0;
      if (!Expected.accepts(s.dtype(), got, want, error)) {
        Assertions.fail(
            describe(op, in, out) + ": output " + k + " at " + Arrays.toString(Positions.index(s.shape(), position))
                + " is " + got + ", not " + want + " ± "
                + error);
      }
    }
    long bytes = s.dtype().bytes();
    for (int a = 0; a < after.shape().size(); a++) {
      if (!inside.get(a)
          && after.data().asSlice(a * bytes, bytes).mismatch(s.before.data().asSlice(a * bytes, bytes)) >= 0) {
        Assertions.fail(describe(op, in, out) + ": output " + k + " wrote element " + a
            + " of its storage, which is not in its view");
      }
    }
  }

  private String describe(Op op, List<Slot> in, List<Slot> out) {
    return backend.name() + ", seed " + seed + ": " + CallText.of(op, operands(in), operands(out));
  }

  @Override
  public void close() {
    backend.synchronize();
    made.forEach(s -> s.release().run());
  }
}
