package dev.tandem.cpu;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandles;

/** What kernels of the checked mode call instead of the methods of the same name: {@link CheckedCode}. */
final class CheckedMemory {
  private CheckedMemory() {
  }

  /** Segments with bounds of their own check themselves. */
  static void check(MemorySegment segment, long at, long bytes, boolean write) {
    if (bytes > 0 && segment.equals(Memory.ALL)) {
      Allocations.check(at, bytes, write);
    }
  }

  static float get(MemorySegment s, ValueLayout.OfFloat layout, long at) {
    check(s, at, Float.BYTES, false);
    return s.get(layout, at);
  }

  static void set(MemorySegment s, ValueLayout.OfFloat layout, long at, float value) {
    check(s, at, Float.BYTES, true);
    s.set(layout, at, value);
  }

  static int get(MemorySegment s, ValueLayout.OfInt layout, long at) {
    check(s, at, Integer.BYTES, false);
    return s.get(layout, at);
  }

  static void set(MemorySegment s, ValueLayout.OfInt layout, long at, int value) {
    check(s, at, Integer.BYTES, true);
    s.set(layout, at, value);
  }

  static long get(MemorySegment s, ValueLayout.OfLong layout, long at) {
    check(s, at, Long.BYTES, false);
    return s.get(layout, at);
  }

  static void set(MemorySegment s, ValueLayout.OfLong layout, long at, long value) {
    check(s, at, Long.BYTES, true);
    s.set(layout, at, value);
  }

  static short get(MemorySegment s, ValueLayout.OfShort layout, long at) {
    check(s, at, Short.BYTES, false);
    return s.get(layout, at);
  }

  static void set(MemorySegment s, ValueLayout.OfShort layout, long at, short value) {
    check(s, at, Short.BYTES, true);
    s.set(layout, at, value);
  }

  static byte get(MemorySegment s, ValueLayout.OfByte layout, long at) {
    check(s, at, Byte.BYTES, false);
    return s.get(layout, at);
  }

  static void set(MemorySegment s, ValueLayout.OfByte layout, long at, byte value) {
    check(s, at, Byte.BYTES, true);
    s.set(layout, at, value);
  }

  /** A slice is taken to be filled. */
  static MemorySegment asSlice(MemorySegment s, long at, long bytes) {
    check(s, at, bytes, true);
    return s.asSlice(at, bytes);
  }

  static void copy(MemorySegment from, long fromAt, MemorySegment to, long toAt, long bytes) {
    check(from, fromAt, bytes, false);
    check(to, toAt, bytes, true);
    MemorySegment.copy(from, fromAt, to, toAt, bytes);
  }

  static void copy(MemorySegment from, ValueLayout layout, long at, Object to, int index, int elements) {
    check(from, at, elements * layout.byteSize(), false);
    MemorySegment.copy(from, layout, at, to, index, elements);
  }

  static void copy(Object from, int index, MemorySegment to, ValueLayout layout, long at, int elements) {
    check(to, at, elements * layout.byteSize(), true);
    MemorySegment.copy(from, index, to, layout, at, elements);
  }

  /** Generated kernels are checked too. */
  static MethodHandles.Lookup defineHiddenClass(MethodHandles.Lookup lookup, byte[] bytes, boolean initialize,
      MethodHandles.Lookup.ClassOption... options) throws IllegalAccessException {
    return lookup.defineHiddenClass(CheckedCode.of(bytes), initialize, options);
  }
}
