package dev.tandem.cuda;

import dev.tandem.core.backend.Storage;
import dev.tandem.core.shape.DType;

/** Device memory. */
final class CudaStorage implements Storage {
  private final DType dtype;
  private final long elements;
  private final long address;
  private final Runnable release;

  CudaStorage(DType dtype, long elements, long address, Runnable release) {
    this.dtype = dtype;
    this.elements = elements;
    this.address = address;
    this.release = release;
  }

  @Override
  public DType dtype() {
    return dtype;
  }

  @Override
  public long elements() {
    return elements;
  }

  /** Of element 0. */
  long address() {
    return address;
  }

  @Override
  public Runnable release() {
    return release;
  }

  @Override
  public String toString() {
    return dtype + "[" + elements + "] at 0x" + Long.toHexString(address);
  }
}
