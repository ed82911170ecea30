package dev.tandem.cuda;

import dev.tandem.core.backend.Operand;
import dev.tandem.core.shape.Layout;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * What one library call needs beside its operands: scratch memory, and copies of operands that lie as the library cannot take them,
 * filled before the call and brought back after it. All of it is one block, reserved while the call is prepared.
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
    private final @Nullable StridedCopy load;
    private final @Nullable StridedCopy store;

    private Place(Operand operand, Layout layout, long copy, boolean reads, boolean writes) {
      this.operand = operand;
      this.layout = layout;
      this.copy = copy;
      load = reads ? StridedCopy.of(context, operand.layout(), layout) : null;
      store = writes ? StridedCopy.of(context, layout, operand.layout()) : null;
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
        load.run(context.address(operand), base + copy);
      }
    }

    private void store(long base) {
      if (store != null) {
        store.run(base + copy, context.address(operand));
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
    return add(new Place(operand, operand.layout(), IN_PLACE, false, false));
  }

  /** An operand to be read in {@code wanted}, whose elements must not exceed those from its offset 0 to its end. */
  Place input(Operand operand, Layout wanted) {
    return sameStrides(operand.layout(), wanted) ? direct(operand)
        : add(new Place(operand, wanted, reserve(wanted.end() * Float.BYTES), true, false));
  }

  /** An operand to be written in {@code wanted}.
   *
   * @param reads whether what it holds matters
   */
  Place output(Operand operand, Layout wanted, boolean reads) {
    return sameStrides(operand.layout(), wanted) ? direct(operand)
        : add(new Place(operand, wanted, reserve(wanted.end() * Float.BYTES), reads, true));
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
  Runnable around(LongConsumer work) {
    return () -> {
      long base = bytes == 0 ? 0 : context.scratch(bytes);
      places.forEach(p -> p.load(base));
      work.accept(base);
      places.forEach(p -> p.store(base));
    };
  }
}
