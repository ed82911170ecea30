package dev.tandem.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tandem.core.backend.Operand;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.Layout;
import dev.tandem.core.shape.Shape;
import java.util.random.RandomGenerator;

/**
 * An operand in any strides. What lies between and around its elements is NaN, so that a kernel that computes with it
 * is found out, and one that writes there too.
 */
final class StridedFloats {
  private final CpuStorage storage;
  private final Layout layout;

  private StridedFloats(Layout layout) {
    this.layout = layout;
    this.storage = new CpuStorage(DType.F32, layout.end() + 40);
    for (long i = 0; i < storage.elements(); i++) {
      Memory.setFloat(storage.address() + 4 * i, Float.NaN);
    }
  }

  static StridedFloats random(RandomGenerator random, Layout layout) {
    StridedFloats made = new StridedFloats(layout);
    for (long i = 0; i < layout.shape().size(); i++) {
      made.set(i, random.nextFloat() * 2 - 1);
    }
    return made;
  }

  /**
   * Axes from the outermost in memory to the innermost; an element takes {@code gap} floats, and so much more room each
   * axis.
   */
  static Layout layout(Shape shape, int offset, int gap, int... axes) {
    long[] strides = new long[shape.rank()];
    long s = gap;
    for (int i = axes.length - 1; i >= 0; i--) {
      strides[axes[i]] = s;
      s = s * Math.max(1, shape.dim(axes[i])) + (gap > 1 ? gap : 0) + (offset > 0 && i > 0 ? 3 : 0);
    }
    return Layout.of(shape, strides, offset);
  }

  StridedFloats copy() {
    StridedFloats made = new StridedFloats(layout);
    for (long i = 0; i < layout.shape().size(); i++) {
      made.set(i, get(i));
    }
    return made;
  }

  Operand operand() {
    return new Operand(storage, layout);
  }

  Shape shape() {
    return layout.shape();
  }

  /** Element {@code flat} in row-major order of the shape. */
  float get(long flat) {
    return Memory.getFloat(address(flat));
  }

  void set(long flat, float value) {
    Memory.setFloat(address(flat), value);
  }

  private long address(long flat) {
    long at = layout.offset();
    long rest = flat;
    for (int i = layout.shape().rank() - 1; i >= 0; i--) {
      int d = layout.shape().dim(i);
      at += rest % d * layout.stride(i);
      rest /= d;
    }
    return storage.address() + 4 * at;
  }

  float[] toArray() {
    float[] all = new float[Math.toIntExact(layout.shape().size())];
    for (int i = 0; i < all.length; i++) {
      all[i] = get(i);
    }
    return all;
  }

  /** Fails if something beside the elements was written. */
  void assertNothingElseWritten(String what) {
    long size = layout.shape().size();
    boolean[] mine = new boolean[Math.toIntExact(storage.elements())];
    for (long i = 0; i < size; i++) {
      mine[(int) ((address(i) - storage.address()) / 4)] = true;
    }
    for (int i = 0; i < mine.length; i++) {
      if (!mine[i] && !Float.isNaN(Memory.getFloat(storage.address() + 4L * i))) {
        assertThat(Memory.getFloat(storage.address() + 4L * i)).as("%s: float %d, which is no element", what, i)
            .isNaN();
      }
    }
  }
}
