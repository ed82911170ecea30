package dev.tandem.core.backend;

import dev.tandem.core.op.Composite;
import dev.tandem.core.op.Op;
import dev.tandem.core.op.Precision;
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

  void execute(Call call);

  /** Whether {@link #execute} takes this composite. */
  default boolean supports(Composite op) {
    return false;
  }

  /** Bytes of scratch memory that this call wants; the caller owns it, so addresses stay fixed under replay. */
  default long scratch(Op op, List<Operand> in) {
    return 0;
  }

  /** The strides this backend would like a fresh output to have, such as channels last for images. */
  default Layout layout(Op op, List<Operand> in, Spec out) {
    return Layout.contiguous(out.shape());
  }

  /** Prepares calls that have already been executed, hence with every kernel compiled. */
  default Replay prepare(List<Call> calls) {
    List<Call> fixed = List.copyOf(calls);
    return () -> fixed.forEach(this::execute);
  }

  /** Returns when all work given before is done. */
  void synchronize();

  @Override
  void close();
}
