package dev.tandem.cuda;

import dev.tandem.core.op.Op;
import java.util.ArrayList;
import java.util.List;
import jcuda.Pointer;
import jcuda.driver.JCudaDriver;

/**
 * Indices out of range, which kernels note in device memory and the host finds when it next waits for the device. Laid out as
 * IndexError of {@code indices.cuh}.
 */
final class IndexErrors implements AutoCloseable {
  private static final int WORDS = 6;

  private final CudaContext context;
  private final long address;
  private final List<String> operations = new ArrayList<>();
  private boolean expected;

  IndexErrors(CudaContext context) {
    this.context = context;
    address = context.allocate(4 * WORDS);
    clear();
  }

  private void clear() {
    context.check(JCudaDriver.cuMemsetD32Async(new Address(address), 0, WORDS, context.stream()), "cuMemsetD32Async");
  }

  /** Where kernels note an error. */
  long address() {
    return address;
  }

  /** What kernels call this operation. */
  int number(Op op) {
    String name = op.name();
    int known = operations.indexOf(name);
    if (known < 0) {
      known = operations.size();
      operations.add(name);
    }
    return known;
  }

  /** A kernel that checks indices is about to run. */
  void expect() {
    expected = true;
  }

  /** Whether a kernel that checks indices was run since errors were last raised. */
  boolean isExpected() {
    return expected;
  }

  /** Whether there are kernels that check indices in {@code captured}, which is run now without any effect. */
  boolean expects(Runnable captured) {
    boolean before = expected;
    expected = false;
    try {
      captured.run();
      return expected;
    } finally {
      expected = before;
    }
  }

  /** To be called when all work is done. */
  void raise() {
    if (!expected) {
      return;
    }
    expected = false;
    int[] seen = new int[WORDS];
    context.check(JCudaDriver.cuMemcpyDtoH(Pointer.to(seen), new Address(address), 4 * WORDS), "cuMemcpyDtoH");
    if (seen[0] != 0) {
      clear();
      throw new IndexOutOfBoundsException(operations.get(seen[1]) + " on cuda:" + context.ordinal() + ": index "
          + seen[2] + " at position " + (seen[4] & 0xFFFFFFFFL | (long) seen[5] << 32) + " is outside the " + seen[3]
          + " rows; it was found when the device was next waited for");
    }
  }

  @Override
  public void close() {
    context.release(address);
  }
}
