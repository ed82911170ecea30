package dev.tandem.cpu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.EnumMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Scratch memory of kernels: every thread has its own, one block for each purpose, kept from call to call, so that
 * neither preparing nor running an operation allocates once the blocks have grown to the largest operation seen.
 * Purposes marked shared are filled by or for the thread that runs the operation and read by the whole team; the others
 * belong to whichever thread works on a chunk. A block is asked for once in an operation: growing it drops what it
 * held.
 *
 * <p>What a thread keeps is bounded: 16 MiB of panels of a matrix product, a padded band of an image, twice the weights
 * of a convolution and 32 MiB (or twice the weights) of partial sums, 64 MiB of transformed tiles at the very most, and copies of a matrix or of a sequence's outputs only
 * where they have no unit stride. Of arrays, in which loops without vectors work, 64 KiB each, and the rows of an
 * image that a row of pooling windows covers, 256 KiB or those of a few channels. It goes when the thread does.
 */
final class Workspace {
  /** What a block is for. */
  enum Slot {
    /** A tile that juts out over the edge of its matrix. */
    TILE,
    /** A square block on its way to being transposed. */
    TRANSPOSED_BLOCK,
    /** Packed panels of the left operand, shared. */
    LEFT_PANELS,
    /** Packed panels of the right operand: all of them, shared, or one that its thread multiplies by. */
    RIGHT_PANELS,
    /** Some columns of a product that is computed transposed. */
    TRANSPOSED,
    /** A left operand without a unit stride, copied; shared. */
    LEFT_COPY,
    /** A right operand without a unit stride, copied; shared. */
    RIGHT_COPY,
    /** A product whose destination has no unit stride; shared. */
    PRODUCT,
    /** Weights of a convolution as [tap][in][out], shared. */
    WEIGHT,
    /** Partial sums of a weight gradient, shared. */
    PARTIAL_SUMS,
    /** Tiles of an image, transformed, or planes of one. */
    TILE_INPUTS,
    /** Products of transformed tiles or planes. */
    TILE_OUTPUTS,
    /** Where the taps of a pixel are, from its first on. */
    OFFSETS,
    /** A padded band of an image, channels last. */
    BAND,
    /** A second band: the gradient beside the image. */
    SECOND_BAND,
    /** A band of the output, channels last. */
    OUTPUT,
    /** Outputs that lie otherwise, as dense rows; shared. */
    DENSE_OUTPUTS,
    /** Numbers of every channel of an image, shared where the team works on one image. */
    FACTORS,
    /** Gates of an LSTM that no gradient will read. */
    GATES,
    /** Rows that a program has computed, or that wait for it, and its temporaries. */
    ROWS
  }

  private static final ThreadLocal<Workspace> MINE = ThreadLocal.withInitial(Workspace::new);
  /** Whole vectors are read and written at the last element. */
  private static final long MARGIN = 8L * Memory.ALIGNMENT;

  private final Map<Slot, MemorySegment> blocks = new EnumMap<>(Slot.class);
  private final Map<Slot, float[]> arrays = new EnumMap<>(Slot.class);

  private Workspace() {
  }

  /**
   * The address of this thread's block for {@code slot}, which has room for {@code floats} and a margin and holds
   * anything.
   */
  static long floats(Slot slot, long floats) {
    return MINE.get().block(slot, Math.multiplyExact(floats, 4L) + MARGIN);
  }

  /** This thread's array for {@code slot}, of {@code n} floats or more, beside the block. It holds anything. */
  static float[] array(Slot slot, int n) {
    Workspace mine = MINE.get();
    float[] array = mine.arrays.get(slot);
    if (array == null || array.length < n) {
      array = new float[n];
      mine.arrays.put(slot, array);
    }
    return array;
  }

  private long block(Slot slot, long bytes) {
    MemorySegment block = blocks.get(slot);
    if (Memory.CHECKED) {
      return fresh(slot, bytes, block);
    }
    if (block == null || block.byteSize() < bytes) {
      // Some room to spare, so that slowly growing operations do not allocate each time. The collector frees the old
      // block.
      block = Arena.ofAuto().allocate(bytes + bytes / 8, Memory.ALIGNMENT);
      blocks.put(slot, block);
    }
    return block.address();
  }

  /** A block of just that size, full of NaN; the one before is not to be used any more. */
  private long fresh(Slot slot, long bytes, @Nullable MemorySegment before) {
    if (before != null) {
      Allocations.free(before.address(), () -> {});
    }
    MemorySegment block = Memory.allocate(Arena.ofAuto(), bytes, 0, Allocation.Use.KERNEL, "workspace " + slot);
    block.fill(Allocation.POISON);
    blocks.put(slot, block);
    return block.address();
  }
}
