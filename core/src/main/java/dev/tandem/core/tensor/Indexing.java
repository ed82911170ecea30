package dev.tandem.core.tensor;

import dev.tandem.core.op.Gather;
import dev.tandem.core.op.Pointwise;
import dev.tandem.core.op.ScatterAdd;
import dev.tandem.core.pointwise.Expr;
import dev.tandem.core.pointwise.Launch;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.DType.Kind;
import dev.tandem.core.shape.Layout;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.ShapeException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/** Views (no copy), and picking and joining elements. Axes may be negative. */
abstract sealed class Indexing extends Reducing permits Tensor {
  private Tensor self() {
    return (Tensor) this;
  }

  /** The same elements in another shape; one dimension may be -1 and is worked out. A view where strides allow it, else a copy. */
  public final Tensor reshape(int... dims) {
    Shape target = Shape.of(inferred(dims));
    if (target.equals(self().shape())) {
      return self();
    }
    Tensor t = self().layout().reshape(target).isPresent() ? self() : contiguous();
    return t.view(new View.Reshape(target));
  }

  private int[] inferred(int[] dims) {
    int at = -1;
    long known = 1;
    for (int i = 0; i < dims.length; i++) {
      if (dims[i] == -1) {
        ShapeException.require(at < 0, "only one dimension can be -1");
        at = i;
      } else {
        known *= dims[i];
      }
    }
    if (at < 0) {
      return dims;
    }
    if (known == 0 || self().shape().size() % known != 0) {
      throw new ShapeException(
          "reshape of " + self().shape() + " to " + Arrays.toString(dims) + ": no dimension fits for -1");
    }
    int[] r = dims.clone();
    r[at] = Math.toIntExact(self().shape().size() / known);
    return r;
  }

  /** Axes from {@code fromAxis} on merged into one. */
  public final Tensor flatten(int fromAxis) {
    int from = self().shape().axis(fromAxis);
    int[] dims = Arrays.copyOf(self().shape().dims(), from + 1);
    long rest = 1;
    for (int i = from; i < self().shape().rank(); i++) {
      rest *= self().shape().dim(i);
    }
    dims[from] = Math.toIntExact(rest);
    return reshape(dims);
  }

  /** Repeated along dimensions of 1 and new leading ones, without a copy. */
  public final Tensor expand(int... dims) {
    Shape target = Shape.of(dims);
    return target.equals(self().shape()) ? self() : self().view(new View.Expand(target));
  }

  /** Axis {@code i} of the result is axis {@code axes[i]} of this. */
  public final Tensor permute(int... axes) {
    return self().view(new View.Permute(Arrays.stream(axes).map(self().shape()::axis).boxed().toList()));
  }

  /** Two axes exchanged. */
  public final Tensor transpose(int a, int b) {
    List<Integer> axes = new ArrayList<>();
    for (int i = 0; i < self().shape().rank(); i++) {
      axes.add(i);
    }
    Collections.swap(axes, self().shape().axis(a), self().shape().axis(b));
    return self().view(new View.Permute(axes));
  }

  /** Elements {@code from} (inclusive) to {@code to} (exclusive) along {@code axis}; negative ones count from the end. */
  public final Tensor slice(int axis, int from, int to) {
    return slice(axis, from, to, 1);
  }

  /** Every {@code step}-th element from {@code from} before {@code to}; step is positive. */
  public final Tensor slice(int axis, int from, int to, int step) {
    int dim = self().shape().dim(axis);
    return self()
        .view(new View.Slice(self().shape().axis(axis), from < 0 ? from + dim : from, to < 0 ? to + dim : to, step));
  }

  /** Element {@code index} along {@code axis}, which is removed; a negative index counts from the end. */
  public final Tensor select(int axis, int index) {
    int a = self().shape().axis(axis);
    int dim = self().shape().dim(a);
    if (index < -dim || index >= dim) {
      throw new ShapeException("select " + index + " of axis " + axis + " in " + self().shape());
    }
    int i = index < 0 ? index + dim : index;
    return self().view(new View.Slice(a, i, i + 1, 1)).squeeze(a);
  }

  /** Without {@code axis}, which must have size 1. */
  public final Tensor squeeze(int axis) {
    if (self().shape().dim(axis) != 1) {
      throw new ShapeException("squeeze of axis " + axis + " of " + self().shape() + ", which is not 1");
    }
    return reshape(self().shape().without(List.of(self().shape().axis(axis))).dims());
  }

  /** With a new axis of size 1 at {@code axis}. */
  public final Tensor unsqueeze(int axis) {
    return reshape(self().shape().insert(axis, 1).dims());
  }

  /** This tensor if it lies row-major in memory, else a copy that does. */
  public final Tensor contiguous() {
    return self().layout().isContiguous() ? self() : copy();
  }

  /** The same elements row-major in fresh memory. */
  final Tensor copy() {
    Program identity = Program.identity(self().dtype().kind());
    return Execution.run(true, new Pointwise("copy", identity, List.of(self().dtype()), Launch.NONE), self()).get(0);
  }

  /** Tensors side by side along {@code axis}; all other dimensions and dtypes agree. */
  public static Tensor concat(int axis, Tensor... tensors) {
    if (tensors.length == 0) {
      throw new ShapeException("concat of no tensors");
    }
    Tensor[] parts = Autocast.parts(tensors);
    Tensor first = parts[0];
    int a = first.shape().axis(axis);
    int sum = 0;
    for (Tensor t : parts) {
      if (t.dtype() != first.dtype() || t.device() != first.device() || t.shape().rank() != first.shape().rank()
          || !t.shape().with(a, 0).equals(first.shape().with(a, 0))) {
        throw new ShapeException("concat of " + Arrays.toString(parts) + " along axis " + axis
            + ": dtypes, devices and all other dimensions must agree");
      }
      sum = Math.addExact(sum, t.shape().dim(a));
    }
    Shape shape = first.shape().with(a, sum);
    boolean recording =
        Scope.isRecording() && first.dtype().isFloat() && Arrays.stream(parts).anyMatch(Tensor::requiresGrad);
    Tensor out = new Tensor(Execution.fresh(first.device(), first.dtype(), shape.size()), Layout.contiguous(shape),
        first.dtype(),
        recording, null);
    int at = 0;
    for (Tensor t : parts) {
      int end = at + t.shape().dim(a);
      out.quietView(new View.Slice(a, at, end, 1)).assign(t);
      at = end;
    }
    Scope scope = Scope.current();
    if (recording && scope != null && scope.recorder() != null) {
      scope.recorder().recordConcat(a, List.of(parts), out);
    }
    return out;
  }

  /** Tensors of one shape along a new axis. */
  public static Tensor stack(int axis, Tensor... parts) {
    int a = parts.length > 0 && axis < 0 ? axis + parts[0].shape().rank() + 1 : axis;
    return concat(a, Arrays.stream(parts).map(t -> t.unsqueeze(a)).toArray(Tensor[]::new));
  }

  /** Views of {@code size} elements along {@code axis}, the last one perhaps smaller. */
  public final List<Tensor> split(int size, int axis) {
    ShapeException.require(size > 0, "split into parts of no elements");
    List<Tensor> parts = new ArrayList<>();
    int dim = self().shape().dim(axis);
    for (int at = 0; at < dim; at += size) {
      parts.add(self().slice(axis, at, Math.min(dim, at + size)));
    }
    return parts;
  }

  /** Zeros (or another number) put before and after along {@code axis}. */
  public final Tensor pad(int axis, int before, int after, double value) {
    int a = self().shape().axis(axis);
    if (before < 0 || after < 0) {
      throw new ShapeException("pad by " + before + " and " + after + " along axis " + axis + " of " + self().shape()
          + "; use slice to take elements away");
    }
    if (self().dtype().kind() == Kind.INT && value != (int) value) {
      throw new ShapeException("pad of " + self() + " with " + value + ", which is no 32-bit integer");
    }
    Tensor filling = filled(value);
    List<Tensor> parts = new ArrayList<>();
    if (before > 0) {
      parts.add(filling.expand(self().shape().with(a, before).dims()));
    }
    parts.add(self());
    if (after > 0) {
      parts.add(filling.expand(self().shape().with(a, after).dims()));
    }
    return parts.size() == 1 ? self() : concat(a, parts.toArray(Tensor[]::new));
  }

  /** {@code value} as [] in this tensor's dtype; integers go through no float. */
  private Tensor filled(double value) {
    DType dtype = self().dtype();
    Expr argument = Expr.argument(0, dtype.kind() == Kind.FLOAT ? Kind.FLOAT : Kind.INT);
    Program program = Program.of(1, argument.to(dtype.kind()));
    Launch launch = Launch.of(dtype == DType.BOOL && value != 0 ? 1 : value);
    return Execution.one(new Pointwise("full", program, List.of(dtype), launch), self().device().zero());
  }

  /** Entries along {@code axis}: {@code [.., V, ..], index [N] I32 -> [.., N, ..]}.
   *
   * @throws IndexOutOfBoundsException if an index is outside 0 to V - 1, on backends that can tell
   */
  public final Tensor indexSelect(int axis, Tensor index) {
    int a = self().shape().axis(axis);
    Tensor front = a == 0 ? self() : transpose(0, a);
    int[] dims = front.shape().dims();
    Tensor rows = Execution.one(new Gather(), front.reshape(dims[0], rest(dims)), index);
    dims[0] = index.shape().dim(0);
    Tensor r = rows.reshape(dims);
    return a == 0 ? r : r.transpose(0, a);
  }

  private static int rest(int[] dims) {
    int n = 1;
    for (int i = 1; i < dims.length; i++) {
      n = Math.multiplyExact(n, dims[i]);
    }
    return n;
  }

  /** One element for each of {@code index} (I32, same rank; other dimensions at most this tensor's): element
   * {@code [i, j, k]} of the result for axis 1 is {@code this[i, index[i, j, k], k]}. */
  public final Tensor gather(int axis, Tensor index) {
    Tensor flat = flatPositions("gather", axis, self().shape(), index);
    int all = Math.toIntExact(self().shape().size());
    return Execution.one(new Gather(), reshape(all, 1), flat).reshape(index.shape().dims());
  }

  /** This tensor with {@code source} added to the elements that {@link #gather} with the same {@code index} would pick; repeated
   * ones add up, in order. */
  public final Tensor scatterAdd(int axis, Tensor index, Tensor source) {
    Tensor flat = flatPositions("scatterAdd", axis, self().shape(), index);
    if (!source.shape().equals(index.shape())) {
      throw new ShapeException("scatterAdd of " + source + " by index " + index + ": their shapes must agree");
    }
    int all = Math.toIntExact(self().shape().size());
    Tensor sums = Execution.one(new ScatterAdd(all), source.reshape(flat.shape().dim(0), 1), flat);
    return self().add(sums.reshape(self().shape().dims()));
  }

  /** Row-major positions [index.size] in a tensor of {@code shape}; -1, which no table has, for an index outside its axis. */
  private static Tensor flatPositions(String what, int axis, Shape shape, Tensor index) {
    int a = shape.axis(axis);
    boolean fits = index.shape().rank() == shape.rank() && index.dtype() == DType.I32;
    for (int i = 0; fits && i < shape.rank(); i++) {
      fits = i == a || index.shape().dim(i) <= shape.dim(i);
    }
    if (!fits) {
      throw new ShapeException(what + " of " + shape + " along axis " + axis + " by " + index
          + ": the index must be I32 of the same rank, and no larger along the other axes");
    }
    Layout rowMajor = Layout.contiguous(shape);
    List<Tensor> in = new ArrayList<>(List.of(index));
    Expr i = Expr.input(0, Kind.INT);
    Expr position = i.mul(rowMajor.stride(a));
    for (int d = 0; d < shape.rank(); d++) {
      if (d != a) {
        int[] dims = new int[shape.rank()];
        Arrays.fill(dims, 1);
        dims[d] = index.shape().dim(d);
        position = position.add(Expr.input(in.size(), Kind.INT).mul(rowMajor.stride(d)));
        in.add(Tensor.arange(index.device(), dims[d]).reshape(dims));
      }
    }
    Expr inside = Expr.constant(-1, Kind.INT).less(i).and(i.less(shape.dim(a)));
    Program program = Program.of(in.size(), inside.where(position, Expr.constant(-1, Kind.INT)));
    return Tensor.pointwise(what, program, in.toArray(Tensor[]::new)).reshape(Math.toIntExact(index.shape().size()));
  }
}
