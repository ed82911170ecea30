package dev.tandem.cuda;

import jcuda.Pointer;

/** A device or host address as JCuda's library calls take it: some of them read the native address and ignore an offset. */
final class RawPointer extends Pointer {
  RawPointer() {
  }

  RawPointer(long address) {
    super(address);
  }

  long value() {
    return getNativePointer();
  }
}
