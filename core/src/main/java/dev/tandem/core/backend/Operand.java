package dev.tandem.core.backend;

import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.Layout;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.Spec;

/** What a backend sees of a tensor: memory and the layout in it. */
public record Operand(Storage storage, Layout layout) {
  public DType dtype() {
    return storage.dtype();
  }

  public Shape shape() {
    return layout.shape();
  }

  public Spec spec() {
    return new Spec(layout.shape(), dtype());
  }

  @Override
  public String toString() {
    return dtype() + layout.toString() + "@" + Integer.toHexString(System.identityHashCode(storage));
  }
}
