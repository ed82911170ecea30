package dev.tandem.cpu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Native memory by address. All accesses go through one segment over the whole address space; masking an address with
 * {@link #MASK} lets C2 prove by types alone that it lies inside, so that no range check is left in a kernel (measured: the largest
 * single gain in the matrix kernels).
 */
final class Memory {
  /** The whole address space. */
  static final MemorySegment ALL = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);
  /** User-space addresses have at most 47 bits. */
  static final long MASK = (1L << 47) - 1;
  static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED;
  static final ValueLayout.OfInt I32 = ValueLayout.JAVA_INT_UNALIGNED;
  static final ValueLayout.OfLong I64 = ValueLayout.JAVA_LONG_UNALIGNED;
  static final ValueLayout.OfShort I16 = ValueLayout.JAVA_SHORT_UNALIGNED;
  static final ValueLayout.OfByte I8 = ValueLayout.JAVA_BYTE;
  /**
   * Whether these classes are the {@linkplain CheckedKernels second set}, in which every access is checked. A constant: in the
   * first set nothing is left of what depends on it.
   */
  static final boolean CHECKED = Memory.class.getClassLoader() != CpuBackend.class.getClassLoader();
  /** Blocks begin at multiples of this: a cache line and the widest vector. */
  static final int ALIGNMENT = 64;

  private Memory() {
  }

  /**
   * Aligned memory for kernels.
   *
   * @param margin bytes behind the others that may be read, since kernels read whole vectors, and mean nothing
   * @param what how errors of the checked mode call it
   */
  static MemorySegment allocate(Arena arena, long bytes, long margin, Allocation.Use use, String what) {
    MemorySegment segment = arena.allocate(Math.addExact(bytes, margin), ALIGNMENT);
    if (CHECKED) {
      Allocations.add(new Allocation(segment, bytes, use, what));
    }
    return segment;
  }

  static float getFloat(long address) {
    return ALL.get(F32, address & MASK);
  }

  static void setFloat(long address, float value) {
    ALL.set(F32, address & MASK, value);
  }

  /**
   * Floats into an array, from {@code index} on. In code that is not compiled yet a thousand take no longer than
   * a few by themselves.
   */
  static void getFloats(long address, float[] to, int index, int n) {
    MemorySegment.copy(ALL, F32, address & MASK, to, index, n);
  }

  static void setFloats(long address, float[] from, int index, int n) {
    MemorySegment.copy(from, index, ALL, F32, address & MASK, n);
  }

  static int getInt(long address) {
    return ALL.get(I32, address & MASK);
  }

  static void setInt(long address, int value) {
    ALL.set(I32, address & MASK, value);
  }

  static long getLong(long address) {
    return ALL.get(I64, address & MASK);
  }

  static void setLong(long address, long value) {
    ALL.set(I64, address & MASK, value);
  }

  static short getShort(long address) {
    return ALL.get(I16, address & MASK);
  }

  static void setShort(long address, short value) {
    ALL.set(I16, address & MASK, value);
  }

  static byte getByte(long address) {
    return ALL.get(I8, address & MASK);
  }

  static void setByte(long address, byte value) {
    ALL.set(I8, address & MASK, value);
  }

  static void zero(long address, long bytes) {
    if (bytes > 0) {
      ALL.asSlice(address, bytes).fill((byte) 0);
    }
  }

  static void copy(long from, long to, long bytes) {
    MemorySegment.copy(ALL, from, ALL, to, bytes);
  }
}
