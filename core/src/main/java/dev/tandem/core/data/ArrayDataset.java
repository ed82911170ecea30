package dev.tandem.core.data;

import dev.tandem.core.shape.HostArray;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.shape.Spec;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

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
    return batch(indices, null);
  }

  @Override
  public Batch batch(int[] indices, @Nullable Batch used) {
    for (int index : indices) {
      if (index < 0 || index >= all.size()) {
        throw new IndexOutOfBoundsException("sample " + index + " of a dataset of " + all.size());
      }
    }
    List<HostArray> fields = new ArrayList<>(specs.size());
    for (int f = 0; f < specs.size(); f++) {
      Spec wanted = rows(specs.get(f), indices.length);
      HostArray to = used == null ? HostArray.zeros(wanted.dtype(), wanted.shape().dims()) : used.reusable(f, wanted);
      copy(all.get(f), to, specs.get(f).bytes(), indices);
      fields.add(to);
    }
    return new Batch(fields);
  }

  private static Spec rows(Spec sample, int n) {
    if (sample.shape().size() > 0 && n > (Integer.MAX_VALUE - 8) / sample.shape().size()) {
      throw new ShapeException(n + " samples of " + sample + " do not fit in one Java array; ask for fewer");
    }
    return new Spec(sample.shape().insert(0, n), sample.dtype());
  }

  private static void copy(HostArray from, HostArray to, long bytes, int[] indices) {
    for (int i = 0; i < indices.length; i++) {
      MemorySegment.copy(from.data(), indices[i] * bytes, to.data(), i * bytes, bytes);
    }
  }
}
