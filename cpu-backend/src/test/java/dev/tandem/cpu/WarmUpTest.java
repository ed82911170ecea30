package dev.tandem.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** Whether warming up ends; how fast it makes a kernel is measured, not tested. */
class WarmUpTest {
  @Test
  void aFastKernelIsRunOftenEnoughToBeCompiled() {
    var calls = new AtomicInteger();
    long start = System.nanoTime();
    WarmUp.run(calls::incrementAndGet, 1000);
    // C2 compiles a method after 600 calls and 15,000 turns. On a busy machine time may have been up before.
    assertThat(calls.get() > 600 && calls.get() * WarmUp.TURNS > 15_000 || System.nanoTime() - start > 400_000_000)
        .as("%d calls", calls.get()).isTrue();
  }

  @Test
  void aKernelThatStaysSlowIsNotWaitedForLong() {
    assertTimeoutPreemptively(Duration.ofSeconds(30), () -> WarmUp.run(() -> {
      long end = System.nanoTime() + 1_000_000;
      while (System.nanoTime() < end) {
        Thread.onSpinWait();
      }
    }, 1));
  }
}
