package dev.tandem.cpu;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorSpecies;

/** {@link CheckedMemory} for vectors. Loaded only when {@link Lanes#AVAILABLE}. */
final class CheckedVectors {
  private CheckedVectors() {
  }

  static FloatVector loadFloatVector(VectorSpecies<Float> species, MemorySegment s, long at, ByteOrder order) {
    CheckedMemory.check(s, at, species.vectorByteSize(), false);
    return FloatVector.fromMemorySegment(species, s, at, order);
  }

  static void storeFloatVector(FloatVector v, MemorySegment s, long at, ByteOrder order) {
    CheckedMemory.check(s, at, v.byteSize(), true);
    v.intoMemorySegment(s, at, order);
  }

  static IntVector loadIntVector(VectorSpecies<Integer> species, MemorySegment s, long at, ByteOrder order) {
    CheckedMemory.check(s, at, species.vectorByteSize(), false);
    return IntVector.fromMemorySegment(species, s, at, order);
  }

  static void storeIntVector(IntVector v, MemorySegment s, long at, ByteOrder order) {
    CheckedMemory.check(s, at, v.byteSize(), true);
    v.intoMemorySegment(s, at, order);
  }

  static ShortVector loadShortVector(VectorSpecies<Short> species, MemorySegment s, long at, ByteOrder order) {
    CheckedMemory.check(s, at, species.vectorByteSize(), false);
    return ShortVector.fromMemorySegment(species, s, at, order);
  }

  static void storeShortVector(ShortVector v, MemorySegment s, long at, ByteOrder order) {
    CheckedMemory.check(s, at, v.byteSize(), true);
    v.intoMemorySegment(s, at, order);
  }

  static ByteVector loadByteVector(VectorSpecies<Byte> species, MemorySegment s, long at, ByteOrder order) {
    CheckedMemory.check(s, at, species.vectorByteSize(), false);
    return ByteVector.fromMemorySegment(species, s, at, order);
  }

  static void storeByteVector(ByteVector v, MemorySegment s, long at, ByteOrder order) {
    CheckedMemory.check(s, at, v.byteSize(), true);
    v.intoMemorySegment(s, at, order);
  }
}
