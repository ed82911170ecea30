package dev.tandem.core.testing;

import dev.tandem.core.backend.Operand;
import dev.tandem.core.backend.Storage;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.shape.Layout;
import dev.tandem.core.shape.Shape;

/**
 * An operand of the oracle: doubles, which hold every element type exactly, addressed by row-major position or by
 * index.
 */
record Elements(Memory memory, Layout layout) {
  /** What F32 elements hold is not rounded to fp32: the error of a backend is then its own. BF16 elements are rounded, as they lose
   * so much that what is computed of them depends on it, unless they are unrounded: then too the error is the backend's own. */
  static final class Memory implements Storage {
    private final DType dtype;
    private final double[] values;
    private final boolean unrounded;

    Memory(DType dtype, double[] values) {
      this(dtype, values, false);
    }

    /** @param unrounded whether BF16 elements hold what was computed */
    Memory(DType dtype, double[] values, boolean unrounded) {
      this.dtype = dtype;
      this.values = values;
      this.unrounded = unrounded;
    }

    double[] values() {
      return values;
    }

    @Override
    public DType dtype() {
      return dtype;
    }

    @Override
    public long elements() {
      return values.length;
    }

    @Override
    public Runnable release() {
      return () -> {
      };
    }
  }

  static Elements of(Operand o) {
    return new Elements((Memory) o.storage(), o.layout());
  }

  /** Zeros to sum up in, of the shape of this, whatever its type: rounding once, on {@link #assign}. */
  Elements sums() {
    return new Elements(new Memory(DType.F64, new double[Math.toIntExact(size())]), Layout.contiguous(shape()));
  }

  void assign(Elements other) {
    for (long i = 0; i < size(); i++) {
      set(i, other.get(i));
    }
  }

  Shape shape() {
    return layout.shape();
  }

  int dim(int axis) {
    return layout.shape().dim(axis);
  }

  long size() {
    return layout.shape().size();
  }

  /** Repeated to {@code full}. */
  Elements expand(Shape full) {
    return new Elements(memory, layout.expand(full));
  }

  /** Row {@code i}: the elements at {@code i} along axis 0, which stays with size 1. */
  Elements row(int i) {
    return new Elements(memory, layout.slice(0, i, i + 1, 1));
  }

  double get(long position) {
    return memory.values[address(position)];
  }

  /** Stores as an element of this type holds it: BF16 rounded to nearest even, U8 the low eight bits, F32 as it is. */
  void set(long position, double value) {
    memory.values[address(position)] = switch (memory.dtype) {
      case F32, F64 -> value;
      case BF16 -> memory.unrounded ? value : Float.intBitsToFloat(HostArray.toBf16((float) value) << 16);
      case I32 -> (int) value;
      case U8 -> (int) value & 0xFF;
      case BOOL -> value != 0 ? 1 : 0;
    };
  }

  void add(long position, double value) {
    set(position, get(position) + value);
  }

  void fill(double value) {
    for (long i = 0; i < size(); i++) {
      set(i, value);
    }
  }

  /** The row-major position of element {@code [n, c, h, w]}. */
  long position(int n, int c, int h, int w) {
    return (((long) n * dim(1) + c) * dim(2) + h) * dim(3) + w;
  }

  private int address(long position) {
    long a = layout.offset();
    long rest = position;
    for (int i = layout.shape().rank() - 1; i >= 0; i--) {
      int d = layout.shape().dim(i);
      a += rest % d * layout.stride(i);
      rest /= d;
    }
    return Math.toIntExact(a);
  }
}
