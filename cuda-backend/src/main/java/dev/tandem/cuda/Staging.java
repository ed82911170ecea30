package dev.tandem.cuda;

import dev.tandem.core.backend.Operand;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.Layout;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongConsumer;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * What one library call needs beside its operands: scratch memory, and copies of operands that lie as the library cannot take them,
 * filled before the call and brought back after it. All of it is one block of scratch memory, known while the call is prepared.
 */
final class Staging {
  private static final long ALIGNMENT = 256;
  private static final long IN_PLACE = -1;

  private final CudaContext context;
  private final List<Place> places = new ArrayList<>();
  private long bytes;

  Staging(CudaContext context) {
    this.context = context;
  }

  /** An operand where the library finds it: in memory of its own, or in a copy, if that has a place in the scratch memory. */
  final class Place {
    private final Operand operand;
    private final Layout layout;
    private final long copy;
    private final long origin;
    private final @Nullable StridedCopy load;
    private final @Nullable StridedCopy store;

    /** @param origin bytes from the operand's first element to that of the copy */
    private Place(Operand operand, Layout layout, long copy, long origin, @Nullable StridedCopy load,
        @Nullable StridedCopy store) {
      this.operand = operand;
      this.layout = layout;
      this.copy = copy;
      this.origin = origin;
      this.load = load;
      this.store = store;
    }

    /** Strides as the library sees them; the offset is part of the address. */
    Layout layout() {
      return layout;
    }

    /** Of the first element. */
    long address(long base) {
      return copy < 0 ? context.address(operand) : base + copy;
    }

    private void load(long base) {
      if (load != null) {
        load.run(context.address(operand) + origin, base + copy);
      }
    }

    private void store(long base) {
      if (store != null) {
        store.run(base + copy, context.address(operand) + origin);
      }
    }
  }

  /** Scratch memory; returns its distance from the base. */
  long reserve(long wanted) {
    long at = bytes;
    bytes += (Math.max(wanted, 1) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    return at;
  }

  /** An operand that is taken where it lies. */
  Place direct(Operand operand) {
    return add(new Place(operand, operand.layout(), IN_PLACE, 0, null, null));
  }

  /** An operand to be read in {@code wanted}. */
  Place input(Operand operand, Layout wanted) {
    return input(operand, wanted, operand.dtype());
  }

  /** The same, with elements of {@code type}. */
  Place input(Operand operand, Layout wanted, DType type) {
    return fits(operand, wanted, type) ? direct(operand) : copied(operand, wanted, type, true, false);
  }

  /** An operand to be written in {@code wanted}.
   *
   * @param reads whether what it holds matters
   */
  Place output(Operand operand, Layout wanted, boolean reads) {
    return output(operand, wanted, operand.dtype(), reads);
  }

  /** The same, with elements of {@code type}. */
  Place output(Operand operand, Layout wanted, DType type, boolean reads) {
    return fits(operand, wanted, type) ? direct(operand) : copied(operand, wanted, type, reads, true);
  }

  private static boolean fits(Operand operand, Layout wanted, DType type) {
    return operand.dtype() == type && sameStrides(operand.layout(), wanted);
  }

  private Place copied(Operand operand, Layout wanted, DType type, boolean reads, boolean writes) {
    Layout lies = operand.layout();
    return add(new Place(operand, wanted, reserve(wanted.end() * type.bytes()), 0,
        reads ? StridedCopy.of(context, lies, operand.dtype(), wanted, type) : null,
        writes ? StridedCopy.of(context, wanted, type, lies, operand.dtype()) : null));
  }

  /** A dense copy of an operand, which must not be empty, with axis 0 running backward: what is read, or what is brought back. */
  Place reversed(Operand operand, boolean writes) {
    Layout lies = operand.layout();
    Layout dense = Layout.contiguous(operand.shape());
    int rank = operand.shape().rank();
    long[] dims = IntStream.range(0, rank).mapToLong(operand.shape()::dim).toArray();
    long[] inCopy = IntStream.range(0, rank).mapToLong(dense::stride).toArray();
    long[] backward = IntStream.range(0, rank).mapToLong(i -> i == 0 ? -lies.stride(0) : lies.stride(i)).toArray();
    Walk walk = new Walk(dims, writes ? new long[][] {backward, inCopy} : new long[][] {inCopy, backward});
    int size = operand.dtype().bytes();
    StridedCopy copy = new StridedCopy(context, walk, operand.dtype(), operand.dtype());
    return add(new Place(operand, dense, reserve(dense.end() * size), (dims[0] - 1) * lies.stride(0) * size,
        writes ? null : copy, writes ? copy : null));
  }

  private Place add(Place place) {
    places.add(place);
    return place;
  }

  /** Strides of axes with one element do not matter. */
  static boolean sameStrides(Layout a, Layout b) {
    for (int i = 0; i < a.shape().rank(); i++) {
      if (a.shape().dim(i) > 1 && a.stride(i) != b.stride(i)) {
        return false;
      }
    }
    return true;
  }

  /** Copies, the work, copies back. The work gets the base of the scratch memory. */
  Prepared around(LongConsumer work) {
    return new Prepared(bytes, base -> {
      places.forEach(p -> p.load(base));
      work.accept(base);
      places.forEach(p -> p.store(base));
    });
  }
}
