package dev.tandem.core.tensor;

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
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.shape.Spec;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A view of leased memory on a device, and whether gradients flow to it. The handle is immutable; the memory changes only by
 * {@link #write}, {@link #assign} and optimizers.
 *
 * <p>A tensor made in a step can be used until the step ends (one made inside a module until that module returns, unless it is its
 * result); {@link #keep} makes a copy without end. Tensors made outside any step last as long as they can be reached. Nothing has to
 * be closed.
 */
public final class Tensor extends Indexing {
  private static final Program FILL = Program.of(1, Expr.argument(0));
  private static final Program UNIFORM = Program.of(2, Expr.random(Expr.input(1, Kind.INT), 0));
  private static final Program NORMAL = Program.of(2, boxMuller(Expr.input(1, Kind.INT)));

  private final Lease lease;
  private final Layout layout;
  private final DType dtype;
  private final boolean requiresGrad;
  private final @Nullable Tensor gradientDestination;

  Tensor(Lease lease, Layout layout, DType dtype, boolean requiresGrad, @Nullable Tensor gradientDestination) {
    this.lease = lease;
    this.layout = layout;
    this.dtype = dtype;
    this.requiresGrad = requiresGrad;
    this.gradientDestination = gradientDestination;
  }

  /** Box and Muller 1958; the first uniform is in (0, 1]. */
  private static Expr boxMuller(Expr counter) {
    Expr radius = Expr.constant(1).sub(Expr.random(counter, 0)).log().mul(-2).sqrt();
    return radius.mul(Expr.random(counter, 1).mul(2 * Math.PI).cos());
  }

  /** A copy of host values. Inside a step it ends with the step, and keeps the step from being replayed: pass data as an input. */
  public static Tensor of(Device device, HostArray values) {
    Tensor t = new Tensor(Execution.fresh(device, values.dtype(), values.shape().size()),
        Layout.contiguous(values.shape()), values.dtype(),
        false, null);
    t.write(values);
    return t;
  }

  /** F32 from values in row-major order. */
  public static Tensor of(Device device, float[] values, int... dims) {
    return of(device, HostArray.of(values, dims));
  }

  /** I32 from values in row-major order. */
  public static Tensor of(Device device, int[] values, int... dims) {
    return of(device, HostArray.of(values, dims));
  }

  /** BOOL from values in row-major order. */
  public static Tensor of(Device device, boolean[] values, int... dims) {
    return of(device, HostArray.of(values, dims));
  }

  /** A copy of host values that no step frees, wherever it is made.
   *
   * @param what for the list of holders when memory runs out
   */
  public static Tensor persistent(Device device, HostArray values, String what) {
    Tensor t = persistentZeros(device, values.spec(), what);
    t.write(values);
    return t;
  }

  /** Zeros that no step frees, wherever they are made. */
  public static Tensor persistentZeros(Device device, Spec spec, String what) {
    return new Tensor(device.persistent(spec.dtype(), spec.shape().size(), what), Layout.contiguous(spec.shape()),
        spec.dtype(), false, null);
  }

  /** Zeros of the device, shape, dtype and memory order of {@code order}, that no step frees. */
  public static Tensor persistentLike(Tensor order, String what) {
    Layout dense = order.layout().denseLikeThis();
    Tensor t = persistentZeros(order.device(), order.spec(), what);
    return dense == null ? t : new Tensor(t.lease(), dense, t.dtype(), false, null);
  }

  /** F32 zeros. */
  public static Tensor zeros(Device device, int... dims) {
    return full(device, 0, dims);
  }

  /** F32 ones. */
  public static Tensor ones(Device device, int... dims) {
    return full(device, 1, dims);
  }

  /** F32, every element {@code value}, which is fixed in a replay. */
  public static Tensor full(Device device, double value, int... dims) {
    return pointwise("full", FILL, Launch.of(value), device.zero().expand(dims));
  }

  /** {@code 0, 1, .. n-1} as I32 [n]; no step frees it. */
  public static Tensor arange(Device device, int n) {
    return device.arange(n);
  }

  /** F32 uniform in [0, 1), the running step's next draw. */
  public static Tensor uniform(Device device, int... dims) {
    return random("uniform", UNIFORM, device, dims);
  }

  /** F32 standard normal, the running step's next draw. */
  public static Tensor normal(Device device, int... dims) {
    return random("normal", NORMAL, device, dims);
  }

  private static Tensor random(String name, Program program, Device device, int... dims) {
    RandomState random = Scope.requireTraining("a random tensor").random();
    return pointwise(name, program, Launch.random(random.nextKey()), device.zero().expand(dims), random.counter());
  }

  /** The same memory in another layout; recorded. */
  public Tensor view(View view) {
    Scope scope = Scope.current();
    boolean recording = requiresGrad && Scope.isRecording();
    Tensor out = new Tensor(lease, view.apply(layout), dtype, recording, null);
    if (recording && scope != null && scope.recorder() != null) {
      scope.recorder().record(view, this, out);
    }
    return out;
  }

  /** The same memory in another layout, unseen by the tape. */
  public Tensor quietView(View view) {
    return new Tensor(lease, view.apply(layout), dtype, false, null);
  }

  /** The same memory; gradients do not flow through. */
  public Tensor detach() {
    return requiresGrad ? new Tensor(lease, layout, dtype, false, null) : this;
  }

  /** A leaf on the same memory to which gradients flow.
   *
   * @throws ShapeException for integers and truth values
   */
  public Tensor requireGrad() {
    return requireGrad(null);
  }

  /** A leaf on the same memory whose gradient the first backward pass of a step writes to {@code destination}, of the same spec. */
  public Tensor requireGrad(@Nullable Tensor destination) {
    if (!dtype.isFloat()) {
      throw new ShapeException(this + " cannot require gradients: only floating-point tensors have them");
    }
    if (destination != null && (!destination.spec().equals(spec()) || destination.device() != device())) {
      throw new ShapeException("the gradient of " + this + " cannot be written to " + destination);
    }
    return new Tensor(lease, layout, dtype, true, destination);
  }

  /** Where this leaf's gradient is written to, or null for fresh memory. */
  public @Nullable Tensor gradientDestination() {
    return gradientDestination;
  }

  /** A copy that outlives the step; this tensor if nothing ends it. */
  public Tensor keep() {
    if (lease.isPersistent()) {
      return this;
    }
    Scope.refuseCapture("keep() inside the step; return the tensor instead");
    Tensor kept = persistentLike(this, "kept tensors");
    kept.assign(this);
    return kept;
  }

  /** On another device; a copy through the host. */
  public Tensor to(Device other) {
    return other == device() ? this : of(other, toHost());
  }

  /** Copies {@code source}, of the same shape and dtype, into this tensor's memory, of which it may be another view. Not recorded. */
  public void assign(Tensor source) {
    if (!source.spec().equals(spec())) {
      throw new ShapeException("assign of " + source + " to " + this);
    }
    for (int i = 0; i < shape().rank(); i++) {
      if (layout.stride(i) == 0 && shape().dim(i) > 1) {
        throw new ShapeException(
            "assign to " + this + ", an expanded view: its axis " + i + " is one element repeated");
      }
    }
    // An element is read before it is written, but elements go in no particular order.
    boolean overlaps = source.lease.sharesMemory(lease) && !source.layout.equals(layout);
    Execution.into(new Pointwise("copy", Program.identity(dtype.kind()), List.of(dtype), Launch.NONE),
        List.of(overlaps ? quietly(source::copy) : source), List.of(this));
  }

  /** Overwrites this tensor with host values of the same shape and dtype. */
  public void write(HostArray values) {
    if (!values.spec().equals(spec())) {
      throw new ShapeException("host values " + values.spec() + " written to " + this);
    }
    Scope.refuseCapture("host data written inside the step; pass it as an input");
    if (layout.isContiguous()) {
      lease.checkWritable();
      lease.written();
      device().exclusively(() -> device().backend().write(lease.storage(), layout.offset(), values.data()));
    } else {
      assign(persistent(device(), values, "host data"));
    }
  }

  /** Overwrites this F32 tensor with values in row-major order. */
  public void write(float[] values) {
    write(HostArray.of(values, shape().dims()));
  }

  /** The elements, in row-major order, when all work on them is done. Inside a step it keeps the step from being replayed. */
  public HostArray toHost() {
    Tensor dense = readable();
    HostArray values = HostArray.zeros(dtype, shape().dims());
    device().exclusively(() -> device().backend().read(dense.lease.storage(), dense.layout.offset(), values.data()));
    return values;
  }

  /**
   * The elements as they are now, when they have arrived: this thread waits for nothing, and what the device is given next may
   * overwrite or free the tensor. For small values that nobody needs at once, such as the losses of steps; a large tensor may be
   * read at once. Inside a step it keeps the step from being replayed.
   */
  public HostCopy toHostAsync() {
    Tensor dense = readable();
    HostArray values = HostArray.zeros(dtype, shape().dims());
    ReentrantLock owner = device().owner();
    owner.lock();
    try {
      return new HostCopy(owner, values,
          device().backend().readLater(dense.lease.storage(), dense.layout.offset(), values.data()));
    } finally {
      owner.unlock();
    }
  }

  /** The same elements in row-major order. */
  private Tensor readable() {
    Scope.refuseCapture("toHost(), toArray() or item() inside the step");
    return layout.isContiguous() ? this : quietly(this::copy);
  }

  private static Tensor quietly(Supplier<Tensor> body) {
    Scope scope = Scope.current();
    return scope == null ? body.get() : scope.withoutRecording(body);
  }

  /** The elements as floats, in row-major order. */
  public float[] toArray() {
    return toHost().toFloats();
  }

  /** The elements of an integer or BOOL tensor, in row-major order. */
  public int[] toIntArray() {
    return toHost().toInts();
  }

  /** The value of a tensor of one element. */
  public float item() {
    return (float) itemAsDouble();
  }

  /** The value of a tensor of one element, unrounded. */
  public double itemAsDouble() {
    checkItem(spec());
    return toHost().get(0);
  }

  static void checkItem(Spec spec) {
    long elements = spec.shape().size();
    if (elements != 1) {
      throw new ShapeException("item() of " + spec + ", which has " + elements + " elements; use toArray()");
    }
  }

  public Device device() {
    return lease.device();
  }

  public Shape shape() {
    return layout.shape();
  }

  public Layout layout() {
    return layout;
  }

  public DType dtype() {
    return dtype;
  }

  public boolean requiresGrad() {
    return requiresGrad;
  }

  /** The right to use the memory; shared with all views. */
  public Lease lease() {
    return lease;
  }

  public Spec spec() {
    return new Spec(shape(), dtype);
  }

  /** For a step's result: the same memory, readable until {@code lifetime} ends. */
  Tensor until(Lifetime lifetime) {
    return new Tensor(Lease.until(lease, lifetime), layout, dtype, false, null);
  }

  Operand operand() {
    return new Operand(lease.storage(), layout);
  }

  @Override
  public String toString() {
    return spec().toString();
  }
}
