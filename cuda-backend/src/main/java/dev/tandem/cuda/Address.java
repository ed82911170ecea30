package dev.tandem.cuda;

import jcuda.driver.CUdeviceptr;

/** A device address as JCuda's driver calls take it; the libraries want a {@link RawPointer}. */
final class Address extends CUdeviceptr {
  /** Memory that the driver is to fill in. */
  Address() {
  }

  /** @param value in bytes, as the driver counts */
  Address(long value) {
    super(new CUdeviceptr(), value);
  }

  long value() {
    return getNativePointer() + getByteOffset();
  }
}
