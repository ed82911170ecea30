package dev.tandem.core.autograd;

import dev.tandem.core.op.Composite;
import dev.tandem.core.op.Conv2d;
import dev.tandem.core.op.Conv2dGradInput;
import dev.tandem.core.op.Conv2dGradWeight;
import dev.tandem.core.op.ConvGeometry;
import dev.tandem.core.op.CumulativeSum;
import dev.tandem.core.op.Gather;
import dev.tandem.core.op.MatMul;
import dev.tandem.core.op.Op;
import dev.tandem.core.op.Pointwise;
import dev.tandem.core.op.Pool2d;
import dev.tandem.core.op.Pool2dGrad;
import dev.tandem.core.op.PoolGeometry;
import dev.tandem.core.op.Reduce;
import dev.tandem.core.op.ScatterAdd;
import dev.tandem.core.pointwise.Derivative;
import dev.tandem.core.pointwise.Expr;
import dev.tandem.core.pointwise.Launch;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.Spec;
import dev.tandem.core.tensor.Decompositions;
import dev.tandem.core.tensor.Execution;
import dev.tandem.core.tensor.Tensor;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.IntFunction;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/** Every gradient rule. A rule gets the tensors of the forward call and one gradient (or null) per output. */
final class GradientRules {
  private static final Expr X = Expr.input(0);
  private static final Expr Y = Expr.input(1);
  private static final Expr Z = Expr.input(2);
  private static final Program WHERE_EQUAL = Program.of(3, X.equal(Y).where(Z, Expr.constant(0)));
  private static final Program TIES = Program.of(2, X.equal(Y).toFloat());

  private GradientRules() {
  }

  /** The tensors whose contents {@link #apply} will read. */
  static List<Tensor> saved(Op op, List<Tensor> in, List<Tensor> out) {
    return switch (op) {
      case Pointwise p -> read(p.program(), true, in, out);
      case Reduce r -> switch (r.kind()) {
        case SUM -> read(r.prologue(), false, in, out);
        case MAX, MIN -> join(in, out);
        case ARGMAX, ARGMIN -> List.of();
      };
      case MatMul m -> other(in);
      case Conv2d c -> other(in);
      case Conv2dGradInput c -> other(in);
      case Conv2dGradWeight c -> other(in);
      case Pool2d p -> p.geometry().kind() == PoolGeometry.Kind.MAX ? in : List.of();
      case Pool2dGrad p -> List.of();
      case Gather g -> in.subList(1, 2);
      case ScatterAdd s -> in.subList(1, 2);
      case CumulativeSum c -> List.of();
      case Composite c -> savedBy(c, in, out);
    };
  }

  /** What the gradient composite reads, and all inputs, from which the decomposition starts where no backend claims it. */
  private static List<Tensor> savedBy(Composite c, List<Tensor> in, List<Tensor> out) {
    Composite grad = c.gradient();
    if (grad == null || !in.get(0).device().backend().supports(grad)) {
      return in;
    }
    List<Tensor> all = join(in, out);
    List<Integer> numbers = new ArrayList<>();
    for (int i = 0; i < all.size(); i++) {
      numbers.add(i);
    }
    List<Integer> gradients = Collections.nCopies(out.size(), -1);
    List<Tensor> read = new ArrayList<>();
    for (int i : c.gradientOperands(numbers.subList(0, in.size()), numbers.subList(in.size(), all.size()), gradients)) {
      if (i >= 0) {
        read.add(all.get(i));
      }
    }
    return read;
  }

  /** Of a product, each factor is read for the gradient of the other. */
  private static List<Tensor> other(List<Tensor> in) {
    List<Tensor> read = new ArrayList<>();
    for (int i = 1; i >= 0; i--) {
      if (in.get(1 - i).requiresGrad()) {
        read.add(in.get(i));
      }
    }
    return read;
  }

  /**
   * @param destination where the gradient of input i may be written, or null; asked at most once for each input
   * @param mayRepeat whether the gradient of input i may be a view that repeats elements
   */
  static @Nullable Tensor[] apply(Op op, List<Tensor> in, List<Tensor> out, List<@Nullable Tensor> gradOut,
      IntFunction<@Nullable Tensor> destination, IntPredicate mayRepeat) {
    if (op instanceof Pointwise p) {
      return pointwise(p.program(), p.launch(), true, in, out, gradOut, out.get(0).shape(), destination, mayRepeat);
    }
    if (op instanceof Composite c) {
      return composite(c, in, out, gradOut);
    }
    Tensor g = gradOut.get(0);
    if (g == null) {
      throw new IllegalStateException(op.name() + " has only its first result to be differentiated by");
    }
    return switch (op) {
      case Pointwise p -> throw new AssertionError(p);
      case Composite c -> throw new AssertionError(c);
      case Reduce r -> switch (r.kind()) {
        case SUM -> pointwise(r.prologue(), r.launch(), false, in, out, gradOut, common(in), destination,
            mayRepeat);
        case MAX, MIN -> extreme(r, in, out.get(0), g, destination, mayRepeat);
        case ARGMAX, ARGMIN -> new @Nullable Tensor[in.size()];
      };
      case MatMul m -> matmul(in.get(0), in.get(1), g, destination);
      case Conv2d c -> both(in, destination, c.geometry(),
          (geometry, x, w) -> new Conv2dGradInput(geometry, x.shape().dim(2), x.shape().dim(3)),
          (geometry, x, w) -> new Conv2dGradWeight(geometry, w.shape().dim(2), w.shape().dim(3)), List.of(g, in.get(1)),
          List.of(in.get(0), g));
      case Conv2dGradInput c -> both(in, destination, c.geometry(), (geometry, y, w) -> new Conv2d(geometry),
          (geometry, y, w) -> new Conv2dGradWeight(geometry, w.shape().dim(2), w.shape().dim(3)), List.of(g, in.get(1)),
          List.of(g, in.get(0)));
      case Conv2dGradWeight c -> both(in, destination, c.geometry(),
          (geometry, x, y) -> new Conv2dGradInput(geometry, x.shape().dim(2), x.shape().dim(3)),
          (geometry, x, y) -> new Conv2d(geometry), List.of(in.get(1), g), List.of(in.get(0), g));
      case Pool2d p -> one(Execution.one(new Pool2dGrad(p.geometry()), pooled(p, in.get(0)), g));
      case Pool2dGrad p -> poolGrad(p, in, g);
      case Gather x -> one(gather(in.get(0), in.get(1), g, destination), null);
      case ScatterAdd s -> one(Execution.one(new Gather(), g, in.get(1)), null);
      case CumulativeSum c -> one(Execution.one(new CumulativeSum(c.axis(), !c.reverse()), g));
    };
  }

  private static @Nullable Tensor[] one(@Nullable Tensor... gradients) {
    return gradients;
  }

  /** Runs {@code op} into {@code destination} if there is one that fits. */
  private static Tensor product(@Nullable Tensor destination, Op op, Tensor... in) {
    if (destination != null) {
      Execution.into(op, List.of(in), List.of(destination));
      return destination;
    }
    return Execution.one(op, in);
  }

  /** Broadcasting ends here: {@code program(operands)} over the shape {@code full}, summed to {@code target}. */
  static Tensor reduceTo(Shape target, Program program, Launch launch, List<Tensor> operands, Shape full, DType dtype,
      @Nullable Tensor destination) {
    int added = full.rank() - target.rank();
    List<Integer> axes = new ArrayList<>();
    for (int i = 0; i < full.rank(); i++) {
      if (i < added || target.dim(i - added) != full.dim(i)) {
        axes.add(i);
      }
    }
    Tensor[] in = operands.toArray(new Tensor[0]);
    in[0] = in[0].expand(full.dims());
    if (axes.isEmpty()) {
      return product(destination, new Pointwise("gradient", program, List.of(dtype), launch), in);
    }
    Reduce sum = new Reduce(Reduce.Kind.SUM, axes, program, launch);
    if (destination != null && dtype == DType.F32
        && sum.outputs(specs(List.of(in))).get(0).dtype() == dtype) {
      Tensor kept = destination.reshape(full.reduced(axes).dims());
      if (kept.lease() == destination.lease()) {
        Execution.into(sum, List.of(in), List.of(kept));
        return destination;
      }
    }
    return Execution.one(sum, in).reshape(target.dims()).to(dtype);
  }

  /** Inputs of full shape share one program with several outputs; each broadcast input is a reduction with its gradient as prologue. */
  private static @Nullable Tensor[] pointwise(Program p, Launch launch, boolean outputsAtHand, List<Tensor> in,
      List<Tensor> out,
      List<@Nullable Tensor> gradOut, Shape full, IntFunction<@Nullable Tensor> destination, IntPredicate mayRepeat) {
    Derivative d = Derivative.of(p, outputsAtHand);
    List<@Nullable Tensor> slots = new ArrayList<>(join(in, out));
    slots.addAll(gradOut);
    @Nullable Tensor[] result = new Tensor[in.size()];
    List<Integer> whole = new ArrayList<>();
    for (int i = 0; i < result.length; i++) {
      if (!in.get(i).requiresGrad() || !d.reaches(i)) {
        continue;
      }
      Derivative.Selection one = d.select(List.of(i));
      boolean sameShape = in.get(i).shape().equals(full);
      boolean repeats = sameShape && mayRepeat.test(i);
      Tensor copied = one.program().isCopy() ? slots.get(one.slots().get(0)) : null;
      if (sameShape && copied != null && copied.shape().equals(full) && copied.dtype() == in.get(i).dtype()
          && (repeats || copied.layout().denseLikeThis() != null)) {
        result[i] = copied;
        continue;
      }
      Tensor repeated = repeats ? repeated(one, launch, slots, in.get(i)) : null;
      if (repeated != null) {
        result[i] = repeated;
      } else if (sameShape) {
        whole.add(i);
      } else {
        result[i] = reduceTo(in.get(i).shape(), one.program(), launch, operands(one, slots, in.get(0), full), full,
            in.get(i).dtype(),
            destination.apply(i));
      }
    }
    wholeGradients(d, whole, launch, in, slots, full, result, destination);
    return result;
  }

  /** A gradient that is the same for many elements, as that of a sum is, computed once for them; null if it is not. */
  private static @Nullable Tensor repeated(Derivative.Selection s, Launch launch, List<@Nullable Tensor> slots,
      Tensor in) {
    List<Tensor> operands = new ArrayList<>();
    for (int slot : s.slots()) {
      Tensor t = slots.get(slot);
      if (t == null) {
        return null;
      }
      operands.add(t);
    }
    if (operands.isEmpty() || common(operands).equals(in.shape()) || s.program().isRandom()) {
      return null;
    }
    Tensor first = operands.getFirst();
    Tensor once = s.program().isCopy() && first.dtype() == in.dtype() ? first
        : Execution.one(new Pointwise("gradient", s.program(), List.of(in.dtype()), launch),
            operands.toArray(new Tensor[0]));
    return once.expand(in.shape().dims());
  }

  private static void wholeGradients(Derivative d, List<Integer> whole, Launch launch, List<Tensor> in,
      List<@Nullable Tensor> slots, Shape full, @Nullable Tensor[] result, IntFunction<@Nullable Tensor> destination) {
    if (whole.isEmpty()) {
      return;
    }
    Derivative.Selection all = d.select(whole);
    if (all.slots().size() + whole.size() > Pointwise.MAX_OPERANDS && whole.size() > 1) {
      int half = whole.size() / 2;
      wholeGradients(d, whole.subList(0, half), launch, in, slots, full, result, destination);
      wholeGradients(d, whole.subList(half, whole.size()), launch, in, slots, full, result, destination);
      return;
    }
    Tensor[] operands = operands(all, slots, in.get(0), full).toArray(new Tensor[0]);
    operands[0] = operands[0].expand(full.dims());
    List<DType> types = new ArrayList<>();
    for (int i : whole) {
      types.add(in.get(i).dtype());
    }
    Pointwise gradient = new Pointwise("gradient", all.program(), types, launch);
    if (whole.size() == 1) {
      int i = whole.getFirst();
      Tensor given = destination.apply(i);
      // The gradient of a sum has no order of its own; its neighbours in backward lie as the input does.
      result[i] = given != null ? product(given, gradient, operands)
          : Execution.oneLike(in.get(i), gradient, operands);
      return;
    }
    List<Tensor> made = Execution.run(gradient, operands);
    for (int k = 0; k < made.size(); k++) {
      result[whole.get(k)] = made.get(k);
    }
  }

  /** What a gradient program reads; an output without a gradient counts as zeros, and there is at least one to give the shape. */
  private static List<Tensor> operands(Derivative.Selection s, List<@Nullable Tensor> slots, Tensor any, Shape full) {
    List<Tensor> operands = new ArrayList<>();
    for (int slot : s.slots()) {
      Tensor t = slots.get(slot);
      operands.add(t != null ? t : Tensor.full(any.device(), 0).expand(full.dims()));
    }
    return operands;
  }

  private static List<Tensor> read(Program p, boolean outputsAtHand, List<Tensor> in, List<Tensor> out) {
    Derivative d = Derivative.of(p, outputsAtHand);
    List<Integer> wanted = new ArrayList<>();
    for (int i = 0; i < in.size(); i++) {
      if (in.get(i).requiresGrad() && d.reaches(i)) {
        wanted.add(i);
      }
    }
    List<Tensor> slots = join(in, out);
    List<Tensor> read = new ArrayList<>();
    for (int slot : d.select(wanted).slots()) {
      if (slot < slots.size()) {
        read.add(slots.get(slot));
      }
    }
    return read;
  }

  /** Elements that tie for the extreme share its gradient evenly; a prologue is computed again and differentiated. */
  private static @Nullable Tensor[] extreme(Reduce r, List<Tensor> in, Tensor y, Tensor g,
      IntFunction<@Nullable Tensor> destination, IntPredicate mayRepeat) {
    Shape full = common(in);
    boolean plain = r.prologue().isIdentity();
    Tensor x = plain
        ? in.get(0)
        : Execution.one(Pointwise.of("prologue", r.prologue(), r.launch(), y.dtype()), in.toArray(new Tensor[0]));
    Tensor ties = Tensor.sumOf(r.axes(), TIES, Launch.NONE, x, y);
    Tensor share = Tensor.pointwise("gradient", WHERE_EQUAL, x, y, g.div(ties));
    if (plain) {
      return one(share.to(in.get(0).dtype()));
    }
    List<@Nullable Tensor> shares = new ArrayList<>();
    shares.add(share);
    return pointwise(r.prologue(), r.launch(), false, in, List.of(y), shares, full, destination, mayRepeat);
  }

  private static @Nullable Tensor[] matmul(Tensor a, Tensor b, Tensor g, IntFunction<@Nullable Tensor> destination) {
    MatMul product = new MatMul(false);
    return one(a.requiresGrad() ? product(destination.apply(0), product, g, b.transpose(-1, -2)) : null,
        b.requiresGrad() ? product(destination.apply(1), product, a.transpose(-1, -2), g) : null);
  }

  private interface ConvolutionRule {
    Op of(ConvGeometry geometry, Tensor first, Tensor second);
  }

  /** A convolution is linear in each operand, and the three convolution ops are each other's gradients. */
  private static @Nullable Tensor[] both(List<Tensor> in, IntFunction<@Nullable Tensor> destination,
      ConvGeometry geometry,
      ConvolutionRule first, ConvolutionRule second, List<Tensor> firstReads, List<Tensor> secondReads) {
    Tensor a = in.get(0);
    Tensor b = in.get(1);
    return one(
        a.requiresGrad()
            ? product(destination.apply(0), first.of(geometry, a, b), firstReads.toArray(new Tensor[0]))
            : null,
        b.requiresGrad()
            ? product(destination.apply(1), second.of(geometry, a, b), secondReads.toArray(new Tensor[0]))
            : null);
  }

  /** What the gradient of a pooling reads as its image: an average only the shape, since the image may be freed by then. */
  private static Tensor pooled(Pool2d op, Tensor x) {
    return op.geometry().kind() == PoolGeometry.Kind.MAX
        ? x
        : Tensor.full(x.device(), 0).to(x.dtype()).expand(x.shape().dims());
  }

  /** BF16 rows are added up as F32, the only way that every backend adds rows. */
  private static Tensor gather(Tensor table, Tensor indices, Tensor g, IntFunction<@Nullable Tensor> destination) {
    ScatterAdd add = new ScatterAdd(table.shape().dim(0));
    return g.dtype() == DType.BF16
        ? Execution.one(add, g.to(DType.F32), indices).to(DType.BF16)
        : product(destination.apply(0), add, g, indices);
  }

  private static @Nullable Tensor[] poolGrad(Pool2dGrad op, List<Tensor> in, Tensor g) {
    if (op.geometry().kind() == PoolGeometry.Kind.MAX) {
      throw new IllegalStateException("a gradient of the gradient of max pooling is not offered");
    }
    return one(null, in.get(1).requiresGrad() ? Execution.one(new Pool2d(op.geometry()), g) : null);
  }

  private static @Nullable Tensor[] composite(Composite op, List<Tensor> in, List<Tensor> out,
      List<@Nullable Tensor> gradOut) {
    Composite grad = op.gradient();
    if (grad == null) {
      throw new IllegalStateException("a gradient of " + op.name() + ", itself a gradient, is not offered");
    }
    List<@Nullable Tensor> given = gradOut.subList(0, op.results(out.size()));
    if (!in.get(0).device().backend().supports(grad)) {
      // Forward claimed, gradient not: the slow twin again, with a tape of its own.
      return Tape.differentiate(in, leaves -> Decompositions.of(op, leaves), given);
    }
    List<Tensor> gradients = new ArrayList<>();
    for (int k = 0; k < op.differentiable(out.size()); k++) {
      Tensor g = given.get(k);
      gradients.add(g != null ? g
          : Tensor.full(in.get(0).device(), 0, out.get(k).shape().dims()).to(out.get(k).dtype()));
    }
    List<Tensor> made = Execution.run(grad, op.gradientOperands(in, out, gradients).toArray(new Tensor[0]));
    @Nullable Tensor[] result = new Tensor[in.size()];
    List<Integer> targets = op.gradientTargets();
    for (int k = 0; k < targets.size(); k++) {
      result[targets.get(k)] = in.get(targets.get(k)).requiresGrad() ? made.get(k) : null;
    }
    return result;
  }

  private static Shape common(List<Tensor> in) {
    return Spec.broadcast(specs(in));
  }

  private static List<Spec> specs(List<Tensor> tensors) {
    List<Spec> specs = new ArrayList<>(tensors.size());
    for (Tensor t : tensors) {
      specs.add(t.spec());
    }
    return specs;
  }

  private static List<Tensor> join(List<Tensor> a, List<Tensor> b) {
    List<Tensor> r = new ArrayList<>(a);
    r.addAll(b);
    return r;
  }
}
