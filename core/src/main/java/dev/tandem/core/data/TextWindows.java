package dev.tandem.core.data;

import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.shape.Spec;
import java.util.Collections;
import java.util.List;

/** Windows on a sequence of symbols, each beside the same window one symbol further on. */
final class TextWindows implements Dataset {
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
    if ((long) indices.length * length > Integer.MAX_VALUE - 8) {
      throw new ShapeException(
          indices.length + " windows of " + length + " symbols do not fit in one Java array; ask for fewer");
    }
    int[] read = new int[indices.length * length];
    int[] next = new int[read.length];
    for (int i = 0; i < indices.length; i++) {
      if (indices[i] < 0 || indices[i] >= size) {
        throw new IndexOutOfBoundsException("sample " + indices[i] + " of a dataset of " + size);
      }
      int from = indices[i] * stride;
      System.arraycopy(symbols, from, read, i * length, length);
      System.arraycopy(symbols, from + 1, next, i * length, length);
    }
    return Batch.of(HostArray.of(read, indices.length, length), HostArray.of(next, indices.length, length));
  }
}
