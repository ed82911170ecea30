package dev.tandem.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.Operand;
import dev.tandem.core.op.Pointwise;
import dev.tandem.core.pointwise.Expr;
import dev.tandem.core.pointwise.Launch;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.DType.Kind;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.shape.Layout;
import dev.tandem.core.shape.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Results do not depend on whether there are vectors, where chunks end, or how many threads there are. */
class PointwiseKernelsTest {
  private static final int[] SIZES = {1, 5, 16, 33, 513, 1000, 40_000, 70_001};

  private final Random random = new Random(11);

  private Operand operand(DType dtype, Layout layout) {
    CpuStorage s = new CpuStorage(dtype, layout.end());
    for (long i = 0; i < layout.end(); i++) {
      switch (dtype) {
        case I32 -> Memory.setInt(s.address() + 4 * i,
            random.nextInt(20) == 0 ? random.nextInt() : random.nextInt(-5, 6));
        case BOOL -> Memory.setByte(s.address() + i, (byte) random.nextInt(2));
        case U8 -> Memory.setByte(s.address() + i, (byte) random.nextInt(256));
        case BF16 -> Memory.setShort(s.address() + 2 * i,
            random.nextInt(20) == 0 ? (short) random.nextInt() : HostArray.toBf16((float) random.nextGaussian()));
        default -> Memory.setFloat(s.address() + 4 * i,
            random.nextInt(50) == 0 ? Float.NaN : (float) random.nextGaussian() * 3);
      }
    }
    return new Operand(s, layout);
  }

  /** Expressions over two FLOAT inputs and a counter, as many as there are instructions, each over earlier ones. */
  private Program program(int steps) {
    List<Expr> floats = new ArrayList<>(List.of(Expr.input(0), Expr.input(1), Expr.argument(0), Expr.constant(0.7)));
    List<Expr> bools = new ArrayList<>(List.of(Expr.input(0).less(0.3)));
    for (int i = 0; i < steps; i++) {
      Expr a = floats.get(random.nextInt(Math.max(0, floats.size() - 6), floats.size()));
      Expr b = floats.get(random.nextInt(floats.size()));
      Expr t = bools.get(random.nextInt(bools.size()));
      switch (random.nextInt(23)) {
        case 0 -> floats.add(a.exp());
        case 1 -> floats.add(a.log());
        case 2 -> floats.add(a.expm1());
        case 3 -> floats.add(a.log1p());
        case 4 -> floats.add(a.tanh());
        case 5 -> floats.add(a.sigmoid());
        case 6 -> floats.add(a.erf());
        case 7 -> floats.add(a.sqrt());
        case 8 -> floats.add(a.floor());
        case 9 -> floats.add(a.abs().neg());
        case 10 -> floats.add(a.div(b));
        case 11 -> floats.add(a.max(b));
        case 12 -> floats.add(a.min(b));
        case 13 -> floats.add(a.sub(b));
        case 14 -> floats.add(a.mul(b));
        case 15 -> floats.add(t.where(a, b));
        case 16 -> bools.add(a.less(b));
        case 17 -> bools.add(a.equal(b));
        case 18 -> bools.add(t.equal(bools.getLast()).or(bools.getFirst().not()));
        case 19 -> bools.add(t.and(bools.getLast()));
        case 20 -> floats.add(t.toFloat());
        case 21 -> floats.add(Expr.random(Expr.input(2, Kind.INT), i).add(a));
        default -> floats.add(a.add(b));
      }
    }
    return Program.of(3, floats.getLast(), floats.get(floats.size() - 2), bools.getLast().toFloat());
  }

  private static int[] run(Pointwise op, List<Operand> in, List<Layout> out, int threads, boolean vector) {
    List<Operand> results = new ArrayList<>();
    for (int k = 0; k < out.size(); k++) {
      CpuStorage s = new CpuStorage(op.types().get(k), out.get(k).end());
      Memory.zero(s.address(), s.elements() * s.dtype().bytes());
      results.add(new Operand(s, out.get(k)));
    }
    try (Team team = new Team(threads)) {
      PointwiseKernels.prepare(op, new Call(op, in, results, null), team, vector).run();
    }
    int[] bits = new int[0];
    for (Operand o : results) {
      int at = bits.length;
      int n = (int) o.layout().end();
      bits = Arrays.copyOf(bits, at + n);
      for (int i = 0; i < n; i++) {
        bits[at + i] = bits(o.dtype(), ((CpuStorage) o.storage()).address() + (long) o.dtype().bytes() * i);
      }
    }
    return bits;
  }

  /** A NaN may be any NaN. */
  private static int bits(DType dtype, long address) {
    return switch (dtype) {
      case F32 -> Float.floatToIntBits(Memory.getFloat(address));
      case BF16 -> Float.floatToIntBits(Float.intBitsToFloat(Memory.getShort(address) << 16));
      case I32 -> Memory.getInt(address);
      default -> Memory.getByte(address);
    };
  }

  private static void assertAlwaysTheSame(Pointwise op, List<Operand> in, List<Layout> out) {
    int[] expected = run(op, in, out, 1, false);
    for (int threads = 1; threads <= 3; threads++) {
      assertThat(run(op, in, out, threads, true)).as("%s with %d threads", op.program().code(), threads)
          .isEqualTo(expected);
    }
  }

  @Test
  void randomProgramsHaveTheSameBitsEverywhere() {
    for (int trial = 0; trial < 60; trial++) {
      int n = SIZES[trial % SIZES.length];
      Program p = program(3 + trial % 20);
      Pointwise op = Pointwise.of("random", p, new Launch(List.of(0.25), trial), DType.F32);
      Layout dense = Layout.contiguous(Shape.of(n));
      Layout one = Layout.contiguous(Shape.of(1));
      List<Operand> in =
          List.of(operand(DType.F32, dense), operand(DType.F32, trial % 3 == 0 ? one : dense), operand(DType.I32, one));
      assertAlwaysTheSame(op, in, List.of(dense, dense, dense));
    }
  }

  /** Every type to be read and written, with every instruction that takes ints or truths. */
  @Test
  void everyTypeHasTheSameBitsEverywhere() {
    Expr f = Expr.input(0);
    Expr h = Expr.input(1);
    Expr i = Expr.input(2, Kind.INT);
    Expr u = Expr.input(3, Kind.INT);
    Expr t = Expr.input(4, Kind.BOOL);
    Expr less = i.less(u).or(f.less(h));
    List<Expr> ints = List.of(i.add(u).mul(i.sub(u)), i.neg().abs().max(u).min(Expr.argument(0, Kind.INT)),
        t.where(i, u), f.mul(1e9).toInt(), less.toInt(), less.and(t).where(Expr.constant(7, Kind.INT), i));
    List<Expr> floats = List.of(i.toFloat().mul(f), t.where(h, f), u.equal(i).toFloat(), h.add(f), f.div(0), h);
    List<Expr> truths = List.of(less, t.equal(less), i.equal(u).not(), f.equal(h), t,
        t.where(less, Expr.constant(1, Kind.BOOL)));
    List<DType> types = List.of(DType.F32, DType.BF16, DType.I32, DType.U8, DType.BOOL);
    for (int trial = 0; trial < 48; trial++) {
      int n = SIZES[trial % SIZES.length];
      Layout dense = Layout.contiguous(Shape.of(n));
      int repeated = trial % 6;
      List<Operand> in = new ArrayList<>();
      for (int k = 0; k < types.size(); k++) {
        in.add(operand(types.get(k), k == repeated ? Layout.contiguous(Shape.of(1)) : dense));
      }
      int e = trial / SIZES.length;
      Program p = Program.of(List.of(Kind.FLOAT, Kind.FLOAT, Kind.INT, Kind.INT, Kind.BOOL), List.of(floats.get(e),
          floats.get(e), ints.get(e), ints.get(e), truths.get(e)));
      Pointwise op = new Pointwise("types", p, types, Launch.of(3.0));
      assertAlwaysTheSame(op, in, List.of(dense, dense, dense, dense, dense));
    }
  }

  /** Transposed and interleaved operands, read and written, of every width of an element. */
  @Test
  void anyStridesHaveTheSameBitsEverywhere() {
    Program copy = Program.IDENTITY;
    Program sum = Program.of(3, Expr.input(0).add(Expr.input(1)), Expr.input(2, Kind.INT).toFloat().tanh().exp().log());
    for (int[] size : new int[][] {{1, 70}, {3, 1000}, {17, 5}, {64, 300}, {130, 257}, {1000, 3}}) {
      Shape shape = Shape.of(size);
      Layout dense = Layout.contiguous(shape);
      Layout across = Layout.contiguous(Shape.of(size[1], size[0])).permute(1, 0);
      Layout gaps = Layout.of(shape, new long[] {3L * size[1] + 1, 3}, 2);
      for (Layout from : List.of(dense, across, gaps)) {
        for (Layout to : List.of(dense, across, gaps)) {
          for (DType type : List.of(DType.F32, DType.BF16)) {
            Pointwise op = new Pointwise("copy", copy, List.of(type), Launch.NONE);
            assertAlwaysTheSame(op, List.of(operand(type, from)), List.of(to));
          }
          Pointwise op = new Pointwise("sum", sum, List.of(DType.BF16, DType.F32), Launch.NONE);
          assertAlwaysTheSame(op, List.of(operand(DType.F32, from), operand(DType.BF16, dense), operand(DType.U8, to)),
              List.of(across, to));
        }
      }
    }
  }

  @Test
  void imagesWithChannelsLastHaveTheSameBitsEverywhere() {
    Layout image = Layout.contiguous(Shape.of(9, 13, 17, 19)).permute(0, 3, 1, 2);
    Program p = Program.of(3, Expr.input(0).add(Expr.input(1)).tanh(), Expr.random(Expr.input(2, Kind.INT), 1));
    Pointwise op = Pointwise.of("image", p, Launch.random(5), DType.F32);
    List<Operand> in = List.of(operand(DType.F32, image), operand(DType.F32, Layout.contiguous(Shape.of(19, 1, 1))),
        operand(DType.I32, Layout.contiguous(Shape.of(1))));
    assertAlwaysTheSame(op, in, List.of(image, Layout.contiguous(image.shape())));
  }

  /** Functions of functions are cut into stages, and an output of an early stage is an input of a late one. */
  @Test
  void stagesMayOverwriteWhatTheyRead() {
    Expr x = Expr.input(0);
    Expr early = x.exp().add(1);
    Program p = Program.of(2, early, early.log().tanh().mul(x).add(Expr.input(1)));
    Pointwise op = Pointwise.of("staged", p);
    Layout dense = Layout.contiguous(Shape.of(5000));
    Operand a = operand(DType.F32, dense);
    Operand b = operand(DType.F32, dense);
    int[] expected = run(op, List.of(a, b), List.of(dense, dense), 1, true);
    try (Team team = new Team(1)) {
      PointwiseKernels.prepare(op, new Call(op, List.of(a, b), List.of(a, b), null), team).run();
    }
    for (int i = 0; i < 5000; i++) {
      assertThat(Float.floatToIntBits(Memory.getFloat(PointwiseKernels.address(a) + 4L * i))).isEqualTo(expected[i]);
      assertThat(Float.floatToIntBits(Memory.getFloat(PointwiseKernels.address(b) + 4L * i)))
          .isEqualTo(expected[5000 + i]);
    }
    assertThat(PointwisePlan.of(p).stages()).hasSize(3);
  }

  /** A program may be longer than any loop that the compiler takes. */
  @Test
  void aThousandInstructions() {
    Expr x = Expr.input(0);
    for (int i = 0; i < 600; i++) {
      x = i % 3 == 0 ? x.mul(Expr.constant(1 + 1e-3 * (i % 7))) : x.add(Expr.input(1)).max(-3);
    }
    Pointwise op = Pointwise.of("long", Program.of(2, x));
    Layout dense = Layout.contiguous(Shape.of(100));
    assertAlwaysTheSame(op, List.of(operand(DType.F32, dense), operand(DType.F32, dense)), List.of(dense));
  }
}
