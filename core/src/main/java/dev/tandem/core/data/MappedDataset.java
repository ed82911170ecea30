package dev.tandem.core.data;

import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.shape.Spec;
import java.util.List;
import java.util.function.UnaryOperator;

/** Another dataset seen through a transformation of its batches. */
final class MappedDataset implements Dataset {
  private final Dataset source;
  private final UnaryOperator<Batch> transformation;
  private final List<Spec> specs;

  MappedDataset(Dataset source, UnaryOperator<Batch> transformation) {
    this.source = source;
    this.transformation = transformation;
    this.specs = transformed(source.size() == 0 ? new int[0] : new int[] {0}).specs();
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
    Batch batch = transformed(indices);
    if (!batch.specs().equals(specs)) {
      throw new ShapeException(
          "a transformation made samples of " + batch.specs() + " that made " + specs
              + " of the first sample; they must be of one kind");
    }
    return batch;
  }

  private Batch transformed(int[] indices) {
    Batch batch = transformation.apply(source.batch(indices));
    if (batch.size() != indices.length) {
      throw new ShapeException(
          "a transformation made " + batch.size() + " samples of " + indices.length + "; it must keep their number");
    }
    return batch;
  }
}
