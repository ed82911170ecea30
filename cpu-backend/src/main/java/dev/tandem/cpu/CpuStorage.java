package dev.tandem.cpu;

import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.Storage;
import dev.tandem.core.shape.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

/** Native memory, aligned to a cache line, with a margin so that a whole vector may be read at the last element. */
final class CpuStorage implements Storage {
  private static final int MARGIN = 2 * Memory.ALIGNMENT;

  private final DType dtype;
  private final long elements;
  private final Arena arena;
  private final MemorySegment segment;

  CpuStorage(DType dtype, long elements) {
    this.dtype = dtype;
    this.elements = elements;
    this.arena = Arena.ofShared();
    this.segment = Memory.allocate(arena, Math.multiplyExact(elements, dtype.bytes()), MARGIN, Allocation.Use.STORAGE,
        "storage of " + elements + " " + dtype);
  }

  private CpuStorage(CpuStorage bytes) {
    this.dtype = DType.F32;
    this.elements = bytes.elements * bytes.dtype.bytes() / Float.BYTES;
    this.arena = bytes.arena;
    this.segment = bytes.segment;
  }

  @Override
  public DType dtype() {
    return dtype;
  }

  @Override
  public long elements() {
    return elements;
  }

  long address() {
    return segment.address();
  }

  /** The scratch memory of a call that wanted some, as floats. */
  static CpuStorage scratch(Call call) {
    if (call.scratch() instanceof CpuStorage s) {
      return new CpuStorage(s);
    }
    throw new IllegalArgumentException(call.op().name() + " was called without the scratch memory that it wants");
  }

  boolean isReleased() {
    return !segment.scope().isAlive();
  }

  /**
   * The elements from {@code at} on, {@code bytes} long.
   *
   * @throws IndexOutOfBoundsException if there are not so many
   */
  MemorySegment slice(long at, long bytes) {
    Objects.checkIndex(at, elements + 1);
    return segment.asSlice(0, elements * dtype.bytes()).asSlice(at * dtype.bytes(), bytes);
  }

  @Override
  public Runnable release() {
    return Memory.CHECKED ? Allocations.release(segment.address(), arena) : arena::close;
  }
}
