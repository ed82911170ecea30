package dev.tandem.core.data;

import dev.tandem.core.shape.HostArray;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.shape.Spec;
import java.util.ArrayList;
import java.util.List;

/**
 * Some samples, field by field: of images and labels, say, {@code F32[N, 28, 28]} and {@code I32[N]}.
 *
 * @param fields one dense array for each field, all with the number of samples as their first dimension
 */
public record Batch(List<HostArray> fields) {
  /**
   * Checks the fields against each other.
   *
   * @throws ShapeException if there is no field, a field is a scalar, or first dimensions differ
   */
  public Batch {
    fields = List.copyOf(fields);
    if (fields.isEmpty()) {
      throw new ShapeException("a batch without fields");
    }
    for (int i = 0; i < fields.size(); i++) {
      Spec spec = fields.get(i).spec();
      if (spec.shape().isScalar()) {
        throw new ShapeException(
            "field " + i + " of a batch is the scalar " + spec + "; its first dimension must be the samples");
      }
      if (spec.shape().dim(0) != fields.getFirst().shape().dim(0)) {
        throw new ShapeException("field 0 of a batch is " + fields.getFirst().spec() + " and field " + i + " is " + spec
            + "; their first dimensions, the samples, must be equal");
      }
    }
  }

  /** A batch of these fields. */
  public static Batch of(HostArray... fields) {
    return new Batch(List.of(fields));
  }

  /** The number of samples. */
  public int size() {
    return fields.getFirst().shape().dim(0);
  }

  /** Field {@code i}. */
  public HostArray get(int i) {
    return fields.get(i);
  }

  /** This batch with another array as field {@code i}. */
  Batch with(int i, HostArray field) {
    List<HostArray> changed = new ArrayList<>(fields);
    changed.set(i, field);
    return new Batch(changed);
  }

  /** The array of field {@code i}, to be overwritten, if it is of that kind; else a new one. */
  HostArray reusable(int i, Spec spec) {
    return get(i).spec().equals(spec) ? get(i) : HostArray.zeros(spec.dtype(), spec.shape().dims());
  }

  /** What one sample is, field by field: the fields without their first dimension. */
  public List<Spec> specs() {
    List<Spec> specs = new ArrayList<>(fields.size());
    for (HostArray field : fields) {
      specs.add(new Spec(field.shape().without(List.of(0)), field.dtype()));
    }
    return List.copyOf(specs);
  }
}
