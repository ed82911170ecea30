package dev.tandem.core.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import org.assertj.core.api.AbstractThrowableAssert;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;

/** Refusals that must cost little: a file may lie about its size, and memory is not taken on its word. */
final class Allocation {
  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  /**
   * Room for buffers, messages and classes that are loaded on the way; far below anything that a lying header claims.
   */
  private static final long LIMIT = 8 << 20;

  private Allocation() {}

  static AbstractThrowableAssert<?, FileFormatException> assertRefused(ThrowingCallable reading) {
    long before = THREADS.getCurrentThreadAllocatedBytes();
    FileFormatException refusal = catchThrowableOfType(FileFormatException.class, reading);
    assertThat(THREADS.getCurrentThreadAllocatedBytes() - before).as("bytes allocated for a refusal").isLessThan(LIMIT);
    return assertThat(refusal).as("the refusal").isNotNull();
  }
}
