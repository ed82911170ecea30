package dev.tandem.core.tensor;

import dev.tandem.core.op.Composite;
import dev.tandem.core.op.Conv2d;
import dev.tandem.core.op.Conv2dGradInput;
import dev.tandem.core.op.Conv2dGradWeight;
import dev.tandem.core.op.CumulativeSum;
import dev.tandem.core.op.MatMul;
import dev.tandem.core.op.Op;
import dev.tandem.core.op.Pointwise;
import dev.tandem.core.op.Precision;
import dev.tandem.core.op.Product;
import dev.tandem.core.op.Recurrent;
import dev.tandem.core.op.SoftmaxCrossEntropy;
import dev.tandem.core.pointwise.Launch;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.Layout;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.ShapeException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * The one place where a scope's {@link Precision} is applied. In BF16 the operands of products are rounded by casts that the tape sees
 * as any other operation, so that the gradients of F32 tensors come out F32; a recurrent sequence, whose states would lose too much, is
 * computed in F32 with TF32 products where the backend has both; and what takes F32 only is given F32.
 */
final class Autocast {
  private static final Pointwise TO_BF16 =
      new Pointwise("to" + DType.BF16, Program.IDENTITY, List.of(DType.BF16), Launch.NONE);

  /** @param version of the contents that were rounded */
  private record Copy(int version, Tensor rounded) {
  }

  private final Scope scope;
  /** Copies of what the scope made live no longer than whoever else uses them: their frame, or the tape, which has saved them for the
   * product's gradient. */
  private final Map<Lease, Map<Layout, Copy>> copies = new IdentityHashMap<>();

  Autocast(Scope scope) {
    this.scope = scope;
  }

  /** The precision of the running scope, if it is one of {@code device}. */
  static Precision precision(Device device) {
    Scope scope = Scope.current();
    return scope == null || scope.device() != device ? Precision.FP32 : scope.precision();
  }

  /** {@code op} as the running scope computes it. */
  static Op op(Device device, Op op) {
    if (!(op instanceof Product p)) {
      return op;
    }
    return switch (precision(device)) {
      case FP32 -> op;
      case TF32 -> p.withTf32(true);
      case BF16 -> op instanceof Composite ? p.withTf32(device.backend().supports(Precision.TF32)) : op;
    };
  }

  /** The operands of {@code op} in the dtypes that the running scope computes it with. */
  static Tensor[] operands(Op op, Tensor... in) {
    Scope scope = Scope.current();
    if (scope == null || in[0].device() != scope.device() || scope.precision() != Precision.BF16) {
      return in;
    }
    Autocast autocast = scope.autocast();
    return switch (op) {
      case MatMul m -> each(autocast::rounded, in);
      case Conv2d c -> each(autocast::rounded, in);
      case Conv2dGradInput c -> each(autocast::rounded, in);
      case Conv2dGradWeight c -> each(autocast::rounded, in);
      case Recurrent r -> each(Autocast::widened, in);
      case SoftmaxCrossEntropy s -> each(Autocast::widened, in);
      case CumulativeSum c -> each(Autocast::widened, in);
      default -> in;
    };
  }

  private static Tensor[] each(UnaryOperator<Tensor> cast, Tensor... in) {
    return Arrays.stream(in).map(cast).toArray(Tensor[]::new);
  }

  private static Tensor widened(Tensor t) {
    return t.dtype() == DType.BF16 ? t.to(DType.F32) : t;
  }

  /**
   * A copy of {@code t} in BF16, made once for all its uses in the scope. Each use is an entry of the tape by itself, so that their
   * gradients add up in F32.
   */
  private Tensor rounded(Tensor t) {
    if (t.dtype() != DType.F32 || t.device() != scope.device()) {
      return t;
    }
    Tensor known = known(t);
    Tensor rounded = known != null ? known : copy(t);
    if (known == null) {
      copies.computeIfAbsent(t.lease(), l -> new HashMap<>()).put(t.layout(), new Copy(t.lease().version(), rounded));
    }
    Recorder recorder = scope.recorder();
    if (recorder == null || !t.requiresGrad() || !Scope.isRecording()) {
      return rounded;
    }
    Tensor use = new Tensor(rounded.lease(), rounded.layout(), DType.BF16, true, null);
    recorder.record(TO_BF16, List.of(t), List.of(use));
    return use;
  }

  /** Of what outlives the scope, such as a weight, until it ends: layers and steps that share the weight share the copy. */
  private Tensor copy(Tensor t) {
    if (!t.lease().isPersistent()) {
      return scope.withoutRecording(() -> Execution.one(TO_BF16, t));
    }
    Layout dense = t.layout().denseLikeThis();
    Layout layout = dense != null ? dense : Layout.contiguous(t.shape());
    Tensor copy = new Tensor(scope.leaseToEnd(DType.BF16, t.shape().size()), layout, DType.BF16, false, null);
    Execution.into(TO_BF16, List.of(t), List.of(copy));
    return copy;
  }

  /** How many copies could still be used. */
  int copies() {
    return (int) copies.values().stream().flatMap(m -> m.values().stream()).filter(c -> c.rounded.lease().isLive()).count();
  }

  /** Null if there is no copy, or what it was made of has been overwritten, or its memory been given back. */
  private @Nullable Tensor known(Tensor t) {
    Map<Layout, Copy> ofLease = copies.get(t.lease());
    Copy c = ofLease == null ? null : ofLease.get(t.layout());
    return c == null || c.version != t.lease().version() || !c.rounded.lease().isLive() ? null : c.rounded;
  }

  /** The float type of what a program gives: the widest of its operands, and in a scope with BF16 that of the widest operand of full
   * size, so that a bias or a row's maximum does not widen what it is added to. F32 without float operands. */
  static DType result(Tensor... in) {
    DType widest = widest(in);
    if (widest != DType.F32 || precision(in[0].device()) != Precision.BF16
        || Arrays.stream(in).noneMatch(t -> t.dtype() == DType.BF16)) {
      return widest;
    }
    Shape full;
    try {
      full = Shape.broadcast(Arrays.stream(in).map(Tensor::shape).toList());
    } catch (ShapeException e) {
      // The operation's own check says so, with its name.
      return widest;
    }
    return Arrays.stream(in).anyMatch(t -> t.dtype() == DType.F32 && t.shape().equals(full)) ? DType.F32 : DType.BF16;
  }

  private static DType widest(Tensor... in) {
    DType widest = null;
    for (Tensor t : in) {
      DType d = t.dtype();
      if (d.isFloat() && (widest == null || d.bytes() > widest.bytes())) {
        widest = d;
      }
    }
    return widest == null ? DType.F32 : widest;
  }

  /** Parts to be joined: in a scope with BF16, of F32 and BF16 ones all F32. */
  static Tensor[] parts(Tensor... in) {
    return precision(in[0].device()) == Precision.BF16 && widest(in) == DType.F32 ? each(Autocast::widened, in) : in;
  }
}
