package dev.tandem.core.data;

import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.shape.Spec;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;

/** Another dataset with one field normalized. What the field was before is nobody else's, so its memory is used again. */
final class NormalizedDataset implements Dataset {
  private final Dataset source;
  private final int field;
  private final Normalize normalize;
  private final List<Spec> specs;
  /** Arrays of the field before it was normalized, one for each thread that has made a batch at the same time. */
  private final ConcurrentLinkedQueue<HostArray> before = new ConcurrentLinkedQueue<>();

  NormalizedDataset(Dataset source, int field, Normalize normalize) {
    this.source = source;
    this.field = field;
    this.normalize = normalize;
    specs = batch(source.size() == 0 ? new int[0] : new int[] {0}).specs();
  }

  @Override
  public long size() {
    return source.size();
  }

  @Override
  public List<Spec> specs() {
    return specs;
  }

  @Override
  public Batch batch(int[] indices) {
    Batch read = source.batch(indices);
    return read.with(field, normalize.apply(read.get(field)));
  }

  @Override
  public Batch batch(int[] indices, Batch used) {
    HostArray spare = before.poll();
    Batch read = spare == null || spare.shape().dim(0) != used.size() ? source.batch(indices)
        : source.batch(indices, used.with(field, spare));
    HostArray raw = read.get(field);
    HostArray result = used.reusable(field, new Spec(raw.shape(), DType.F32));
    normalize.apply(raw, result);
    before.add(raw);
    return read.with(field, result);
  }
}
