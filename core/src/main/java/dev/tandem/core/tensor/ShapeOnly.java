package dev.tandem.core.tensor;

import dev.tandem.core.backend.Backend;
import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.Storage;
import dev.tandem.core.op.Composite;
import dev.tandem.core.op.Conv2d;
import dev.tandem.core.op.Conv2dGradInput;
import dev.tandem.core.op.Conv2dGradWeight;
import dev.tandem.core.op.CumulativeSum;
import dev.tandem.core.op.Gather;
import dev.tandem.core.op.MatMul;
import dev.tandem.core.op.Pointwise;
import dev.tandem.core.op.Pool2d;
import dev.tandem.core.op.Pool2dGrad;
import dev.tandem.core.op.Reduce;
import dev.tandem.core.op.ScatterAdd;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.Shape;
import java.lang.foreign.MemorySegment;

/**
 * A device that has no memory and computes nothing: what runs on it shows the shapes it would make and counts the work it would be.
 * Composites are decomposed here.
 */
public final class ShapeOnly {
  private final Device device = new Device(new Nothing());
  private long multiplyAdds;

  public Device device() {
    return device;
  }

  /** Multiplications with an addition that matrix products and convolutions would have done so far. */
  public long multiplyAdds() {
    return multiplyAdds;
  }

  private static long multiplyAdds(Call call) {
    Shape out = call.out().get(0).shape();
    return switch (call.op()) {
      case MatMul m -> out.size() * call.in().get(0).shape().dim(-1);
      case Conv2d c -> out.size() * perOutput(call.in().get(1).shape());
      case Conv2dGradInput c -> call.in().get(0).shape().size() * perOutput(call.in().get(1).shape());
      case Conv2dGradWeight c -> call.in().get(1).shape().size() * perOutput(out);
      case Pointwise p -> 0;
      case Reduce r -> 0;
      case Pool2d p -> 0;
      case Pool2dGrad p -> 0;
      case Gather g -> 0;
      case ScatterAdd s -> 0;
      case CumulativeSum c -> 0;
      case Composite c -> throw new AssertionError(c.name() + " is decomposed here");
    };
  }

  /**
   * Of one element of a convolution's output.
   *
   * @param weight [O, C / groups, KH, KW]
   */
  private static long perOutput(Shape weight) {
    return (long) weight.dim(1) * weight.dim(2) * weight.dim(3);
  }

  /** Compared by identity, as memory is. */
  private static final class NoMemory implements Storage {
    private final DType dtype;
    private final long elements;

    NoMemory(DType dtype, long elements) {
      this.dtype = dtype;
      this.elements = elements;
    }

    @Override
    public DType dtype() {
      return dtype;
    }

    @Override
    public long elements() {
      return elements;
    }

    @Override
    public Runnable release() {
      return () -> {
      };
    }
  }

  private final class Nothing implements Backend {
    @Override
    public String name() {
      return "shapes";
    }

    @Override
    public String describe() {
      return "shapes only: no memory, no work";
    }

    @Override
    public boolean supports(DType dtype) {
      return true;
    }

    @Override
    public Storage allocate(DType dtype, long elements) {
      return new NoMemory(dtype, elements);
    }

    @Override
    public void write(Storage to, long at, MemorySegment from) {
    }

    @Override
    public void read(Storage from, long at, MemorySegment to) {
      throw new IllegalStateException("a value was read on the host where there are only shapes: what a layer computes"
          + " must not depend on item() or toArray()");
    }

    @Override
    public void execute(Call call) {
      multiplyAdds += multiplyAdds(call);
    }

    @Override
    public void synchronize() {
    }

    @Override
    public void close() {
    }
  }
}
