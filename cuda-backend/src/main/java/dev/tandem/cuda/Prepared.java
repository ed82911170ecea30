package dev.tandem.cuda;

import java.util.function.LongConsumer;

/**
 * A call that can be run any number of times: operands checked, kernels and library plans chosen.
 *
 * @param scratch bytes of device memory that it works in, which the caller gives
 * @param work gives all work to the stream; gets the address of that memory, or 0 when it wants none
 */
record Prepared(long scratch, LongConsumer work) {
  /** Of a call that works in its operands alone. */
  static Prepared of(Runnable work) {
    return new Prepared(0, _ -> work.run());
  }

  /** Of a call with nothing to do. */
  static Prepared nothing() {
    return of(() -> {
    });
  }
}
