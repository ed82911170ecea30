package dev.tandem.core.tensor;

import dev.tandem.core.backend.Backend;
import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.Operand;
import dev.tandem.core.backend.Storage;
import dev.tandem.core.op.Composite;
import dev.tandem.core.op.Gather;
import dev.tandem.core.op.Op;
import dev.tandem.core.op.Pointwise;
import dev.tandem.core.op.Precision;
import dev.tandem.core.op.Reduce;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.Layout;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.shape.Spec;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The one way from tensors to a backend: check, allocate, execute, trace, record. */
public final class Execution {
  private Execution() {
  }

  /** {@link #run} for operations whose caller wants one result. */
  public static Tensor one(Op op, Tensor... in) {
    return run(op, in).get(0);
  }

  /** Runs {@code op} into fresh memory; the tape hears of it if an input requires a gradient.
   *
   * @throws ShapeException if the operands do not fit, with module path, operation, operands and device
   */
  public static List<Tensor> run(Op op, Tensor... inputs) {
    return run(false, null, op, inputs);
  }

  /** The one result of a pointwise op, in the memory order of {@code order} if its operands, broadcast, have none. */
  public static Tensor oneLike(Tensor order, Op op, Tensor... inputs) {
    return run(false, order, op, inputs).get(0);
  }

  /** @param rowMajor whether the results must be row-major, whatever order their operands are in */
  static List<Tensor> run(boolean rowMajor, Op op, Tensor... inputs) {
    return run(rowMajor, null, op, inputs);
  }

  private static List<Tensor> run(boolean rowMajor, @Nullable Tensor order, Op asked, Tensor... inputs) {
    Device device = inputs[0].device();
    Op op = Autocast.op(device, asked);
    List<Tensor> in = List.of(Autocast.operands(op, inputs));
    List<Spec> specs = check(device, op, in);
    Backend backend = device.backend();
    if (op instanceof Composite c && !backend.supports(c)) {
      return Decompositions.of(c, in);
    }
    boolean recording = Scope.isRecording() && requiresGrad(in);
    if (op instanceof Composite c) {
      specs = withMemory(backend, c, in, specs, recording);
    }
    List<Operand> sources = operands(in);
    List<Tensor> out = new ArrayList<>(specs.size());
    int results = op.results(specs.size());
    int differentiable = op.differentiable(specs.size());
    for (int k = 0; k < specs.size(); k++) {
      Spec s = specs.get(k);
      boolean requiresGrad = recording && s.dtype().isFloat() && k < differentiable;
      Layout layout = rowMajor ? Layout.contiguous(s.shape()) : layout(backend, op, sources, order, s);
      out.add(new Tensor(fresh(device, s.dtype(), s.shape().size()), layout, s.dtype(), requiresGrad, null));
    }
    dispatch(device, op, sources, operands(out));
    Scope scope = Scope.current();
    if (recording && scope != null && scope.recorder() != null) {
      scope.recorder().record(op, in, out);
    }
    return results == out.size() ? out : out.subList(0, results);
  }

  /** The results, and behind them what the backend keeps for the gradient, if it has one to keep it for. */
  private static List<Spec> withMemory(Backend backend, Composite op, List<Tensor> in, List<Spec> specs,
      boolean recording) {
    int results = op.results(specs.size());
    if (results == specs.size()) {
      return specs;
    }
    Composite gradient = op.gradient();
    boolean isWanted = recording && gradient != null && backend.supports(gradient);
    List<Spec> all = new ArrayList<>(specs.subList(0, results));
    all.addAll(backend.memory(op, in.stream().map(Tensor::spec).toList(), specs.subList(results, specs.size()),
        isWanted));
    return all;
  }

  /** Runs {@code op} into existing tensors, which may be views, and for a pointwise op its inputs. Never recorded.
   *
   * @throws ShapeException if the operands do not fit, or the results not the outputs
   */
  public static void into(Op asked, List<Tensor> in, List<Tensor> out) {
    Device device = out.get(0).device();
    Op op = Autocast.op(device, asked);
    List<Spec> specs = check(device, op, in);
    for (int k = 0; k < out.size(); k++) {
      if (!specs.get(k).equals(out.get(k).spec())) {
        throw new ShapeException(
            describe(device, op, in) + ": the result is " + specs.get(k) + " and shall go to " + out.get(k).spec());
      }
    }
    for (Tensor t : out) {
      t.lease().checkWritable();
    }
    dispatch(device, op, operands(in), operands(out));
    for (Tensor t : out) {
      t.lease().written();
    }
  }

  static Lease fresh(Device device, DType dtype, long elements) {
    Scope scope = Scope.current();
    return scope == null || scope.device() != device
        ? device.persistent(dtype, elements,
            scope == null ? "tensors made outside any step" : "tensors of " + scope.path())
        : scope.lease(dtype, elements);
  }

  /** Pointwise results follow the memory order of their operands, so that images stay channels-last; others ask the backend. */
  private static Layout layout(Backend backend, Op op, List<Operand> in, @Nullable Tensor order, Spec out) {
    if (!(op instanceof Pointwise)) {
      return backend.layout(op, in, out);
    }
    for (Operand o : in) {
      if (o.shape().equals(out.shape())) {
        Layout dense = o.layout().isContiguous() ? Layout.contiguous(out.shape()) : o.layout().denseLikeThis();
        if (dense != null) {
          return dense;
        }
      }
    }
    Layout dense = order != null && order.shape().equals(out.shape()) ? order.layout().denseLikeThis() : null;
    return dense != null ? dense : Layout.contiguous(out.shape());
  }

  private static boolean requiresGrad(List<Tensor> in) {
    for (Tensor t : in) {
      if (t.requiresGrad()) {
        return true;
      }
    }
    return false;
  }

  static List<Operand> operands(List<Tensor> tensors) {
    List<Operand> operands = new ArrayList<>(tensors.size());
    for (Tensor t : tensors) {
      operands.add(t.operand());
    }
    return operands;
  }

  private static void dispatch(Device device, Op op, List<Operand> sources, List<Operand> targets) {
    Backend backend = device.backend();
    Scope scope = Scope.current();
    device.owner().lock();
    try {
      long bytes = device.withRoom(op, () -> backend.scratch(op, sources, targets));
      StepArena arena = scope == null || scope.device() != device ? device.inferenceArena() : scope.arena();
      Storage scratch = bytes == 0 ? null : arena.scratch(bytes);
      Call call = new Call(op, sources, targets, scratch);
      if (scope != null && scope.device() == device && scope.trace() != null) {
        scope.trace().add(call);
      }
      device.withRoom(op, () -> {
        backend.execute(call);
        return call;
      });
    } catch (IndexOutOfBoundsException e) {
      throw (IndexOutOfBoundsException) new IndexOutOfBoundsException(
          describe(device, op, sources) + ": " + e.getMessage()).initCause(e);
    } finally {
      device.owner().unlock();
    }
  }

  private static List<Spec> check(Device device, Op op, List<Tensor> in) {
    try {
      List<Spec> specs = new ArrayList<>(in.size());
      for (Tensor t : in) {
        if (t.device() != device) {
          throw new ShapeException(
              "operands lie on " + device + " and on " + t.device() + "; move one with to(device)");
        }
        specs.add(t.spec());
      }
      List<Spec> out = op.outputs(specs);
      if (wantsBf16(op, specs) && !device.backend().supports(Precision.BF16)) {
        throw new ShapeException("operands must be F32; convert with to(DType.F32)");
      }
      return out;
    } catch (ShapeException e) {
      throw new ShapeException(describe(device, op, in) + ": " + e.getMessage(), e);
    }
  }

  /** Whether {@code op} reads BF16 in a way that a backend need not have. */
  private static boolean wantsBf16(Op op, List<Spec> in) {
    return !(op instanceof Pointwise) && !(op instanceof Reduce) && !(op instanceof Gather)
        && in.stream().anyMatch(s -> s.dtype() == DType.BF16);
  }

  /** {@code Sequential.1.fc: MatMul of [F32[2, 8], F32[9, 2]] on cpu}. */
  private static String describe(Device device, Op op, List<?> operands) {
    Scope scope = Scope.current();
    String path = scope == null ? "" : scope.path();
    List<Object> specs = new ArrayList<>();
    for (Object o : operands) {
      specs.add(o instanceof Operand p ? p.spec() : o instanceof Tensor t ? t.spec() : o);
    }
    return (path.isEmpty() ? "" : path + ": ") + op.name() + " of " + specs + " on " + device;
  }
}
