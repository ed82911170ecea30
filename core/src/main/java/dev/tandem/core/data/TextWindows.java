package dev.tandem.core.data;

import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.shape.Spec;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Windows on a sequence of symbols, each beside the same window one symbol further on. */
final class TextWindows implements Dataset {
  private static final ValueLayout.OfInt I32 = ValueLayout.JAVA_INT_UNALIGNED;

  private final int[] symbols;
  private final int length;
  private final int stride;
  private final long size;

  TextWindows(int[] symbols, int length, int stride) {
    if (length < 1 || stride < 1) {
      throw new IllegalArgumentException(
          "windows of " + length + " symbols every " + stride + "; both must be at least 1");
    }
    if (symbols.length <= length) {
      throw new IllegalArgumentException("windows of " + length + " symbols need a text of at least "
          + (length + 1L) + ", as the last one's successor belongs to it; this one has " + symbols.length);
    }
    this.symbols = symbols;
    this.length = length;
    this.stride = stride;
    size = (symbols.length - 1 - length) / stride + 1L;
  }

  @Override
  public long size() {
    return size;
  }

  @Override
  public List<Spec> specs() {
    return Collections.nCopies(2, new Spec(Shape.of(length), DType.I32));
  }

  @Override
  public Batch batch(int[] indices) {
    return batch(indices, null);
  }

  @Override
  public Batch batch(int[] indices, @Nullable Batch used) {
    if ((long) indices.length * length > Integer.MAX_VALUE - 8) {
      throw new ShapeException(
          indices.length + " windows of " + length + " symbols do not fit in one Java array; ask for fewer");
    }
    Spec spec = new Spec(Shape.of(indices.length, length), DType.I32);
    HostArray read = used == null ? HostArray.zeros(DType.I32, indices.length, length) : used.reusable(0, spec);
    HostArray next = used == null ? HostArray.zeros(DType.I32, indices.length, length) : used.reusable(1, spec);
    for (int i = 0; i < indices.length; i++) {
      if (indices[i] < 0 || indices[i] >= size) {
        throw new IndexOutOfBoundsException("sample " + indices[i] + " of a dataset of " + size);
      }
      int from = indices[i] * stride;
      long at = (long) i * length * Integer.BYTES;
      MemorySegment.copy(symbols, from, read.data(), I32, at, length);
      MemorySegment.copy(symbols, from + 1, next.data(), I32, at, length);
    }
    return Batch.of(read, next);
  }
}
