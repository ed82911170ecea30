package dev.tandem.core.data;

import dev.tandem.core.shape.HostArray;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.shape.Spec;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** Samples that are rows of arrays in host memory. The arrays are not copied. */
public final class ArrayDataset implements Dataset {
  private final Batch all;
  private final List<Spec> specs;

  /**
   * A dataset with one field for each array.
   *
   * @param fields {@code [samples, …]}, all with the same first dimension
   * @throws ShapeException if there is no field, a field is a scalar, or first dimensions differ
   */
  public ArrayDataset(HostArray... fields) {
    this.all = Batch.of(fields);
    this.specs = all.specs();
  }

  @Override
  public long size() {
    return all.size();
  }

  @Override
  public List<Spec> specs() {
    return specs;
  }

  @Override
  public Batch batch(int[] indices) {
    for (int index : indices) {
      if (index < 0 || index >= all.size()) {
        throw new IndexOutOfBoundsException("sample " + index + " of a dataset of " + all.size());
      }
    }
    List<HostArray> fields = new ArrayList<>(specs.size());
    for (int f = 0; f < specs.size(); f++) {
      fields.add(rows(all.get(f), specs.get(f), indices));
    }
    return new Batch(fields);
  }

  private static HostArray rows(HostArray from, Spec sample, int[] indices) {
    if (sample.shape().size() > 0 && indices.length > (Integer.MAX_VALUE - 8) / sample.shape().size()) {
      throw new ShapeException(
          indices.length + " samples of " + sample + " do not fit in one Java array; ask for fewer");
    }
    HostArray to = HostArray.zeros(sample.dtype(), sample.shape().insert(0, indices.length).dims());
    long bytes = sample.bytes();
    for (int i = 0; i < indices.length; i++) {
      MemorySegment.copy(from.data(), indices[i] * bytes, to.data(), i * bytes, bytes);
    }
    return to;
  }
}
