package dev.tandem.core.backend;

import dev.tandem.core.op.Composite;
import dev.tandem.core.op.Op;
import dev.tandem.core.op.Precision;
import dev.tandem.core.op.Recurrent;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.Layout;
import dev.tandem.core.shape.Spec;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * A device. Work is done in the order it is given; the caller sees to it that one thread at a time gives it. Operands reach a
 * backend checked: shapes and dtypes by the op, layouts against their storages.
 */
public interface Backend extends AutoCloseable {
  /** Short: {@code cpu}, {@code cuda:0}. */
  String name();

  /** One line for people: processor, threads, vector width. */
  String describe();

  /** Whether tensors of {@code dtype} can live here. */
  default boolean supports(DType dtype) {
    return dtype != DType.F64;
  }

  /**
   * Whether products can be computed so. {@link Precision#TF32}: operations may ask for it. {@link Precision#BF16}: tensors of
   * {@link DType#BF16} are operands of products, pooling, {@code ScatterAdd} and claimed normalisations, besides those operations
   * that take them everywhere.
   */
  default boolean supports(Precision precision) {
    return precision == Precision.FP32;
  }

  /** Zero-filled memory for {@code elements} elements.
   *
   * @throws OutOfDeviceMemoryException if there is none left
   */
  Storage allocate(DType dtype, long elements);

  /** Copies host data in the natural layout of the storage's dtype to element {@code at} and on; the source may be reused on return. */
  void write(Storage to, long at, MemorySegment from);

  /** Copies elements from {@code at} on until {@code to} is full, when all work given before is done. */
  void read(Storage from, long at, MemorySegment to);

  /**
   * Begins to copy elements from {@code at} on until {@code to} is full, as they are when all work given before is done, whatever is
   * given after. Until the read was awaited, {@code to} belongs to it. A backend may read at once.
   */
  default PendingRead readLater(Storage from, long at, MemorySegment to) {
    read(from, at, to);
    return PendingRead.DONE;
  }

  /** Gives the call to the device.
   *
   * @throws OutOfDeviceMemoryException if there is no memory left for what the backend itself needs; nothing of the call was done then
   */
  void execute(Call call);

  /** Whether {@link #execute} takes this composite. */
  default boolean supports(Composite op) {
    return false;
  }

  /**
   * The outputs that {@link #execute} shall have behind the results of a composite it takes: what its gradient, which this backend
   * takes too, will read. Only {@link Recurrent} leaves them open; the gradients of other operations take what those propose.
   *
   * @param trailing what the operation proposes
   * @param recording whether a gradient may follow; if not, nothing need be kept
   */
  default List<Spec> memory(Composite op, List<Spec> in, List<Spec> trailing, boolean recording) {
    return trailing;
  }

  /** Bytes of scratch memory that this call wants; the caller owns it, so addresses stay fixed under replay.
   *
   * @throws OutOfDeviceMemoryException if there is no memory left for what the backend itself needs
   */
  default long scratch(Op op, List<Operand> in, List<Operand> out) {
    return 0;
  }

  /** The strides this backend would like a fresh output to have, such as channels last for images. */
  default Layout layout(Op op, List<Operand> in, Spec out) {
    return Layout.contiguous(out.shape());
  }

  /** Prepares calls that have already been executed, hence with every kernel compiled. */
  default Replay prepare(List<Call> calls) {
    return Replay.of(List.copyOf(calls).stream().<Runnable>map(c -> () -> execute(c)).toList());
  }

  /** Returns when all work given before is done. */
  void synchronize();

  @Override
  void close();
}
