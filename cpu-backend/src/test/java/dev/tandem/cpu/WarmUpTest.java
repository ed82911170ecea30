package dev.tandem.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import java.time.Duration;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** Whether warming up ends; how fast it makes a kernel is measured, not tested. */
class WarmUpTest {
  /** HotSpot as {@link WarmUp} sees it: C1 at 256 calls, C2 at 600 more and 15,000 turns, looked at every 8192 turns or 1024 calls. */
  private static final class Compiled implements WarmUp.Kernel {
    private int calls;
    private int turns;
    private int runs;
    private boolean compiled;

    @Override
    public void run(int times) {
      calls++;
      if (calls <= 256) {
        busy(10_000);
      } else if (!compiled) {
        int before = turns;
        turns += Math.max(0, -times);
        runs += times > 0 ? 1 : 0;
        int inC1 = calls - 256;
        boolean looked = turns / 8192 > before / 8192 || inC1 % 1024 == 0;
        compiled = looked && (inC1 > 600 && inC1 + turns > 15_000 || inC1 > 5000);
        busy(times < -50 ? 1000 : 0);
      }
    }
  }

  @Test
  void aKernelIsCalledUntilItIsCompiledWithItsBranchesKnown() {
    var kernel = new Compiled();
    var warmUp = new WarmUp(kernel, 1000);
    warmUp.await();
    assertThat(warmUp.isDone()).isTrue();
    assertThat(kernel.compiled).as("%d calls of %d turns", kernel.calls, kernel.turns).isTrue();
    assertThat(kernel.runs).as("runs, most of them in code of C1, by which C2 knows branches")
        .isGreaterThanOrEqualTo(3);
    assertThat(kernel.turns).as("compiled before the idle loop is compiled by itself").isLessThan(40_000);
  }

  @Test
  void aTurnOfMoreOperationsThanSaidIsKnownToBeFastByItsSlowRuns() {
    var runs = new AtomicInteger();
    var warmUp = new WarmUp(times -> busy(times > 0 ? runs.incrementAndGet() < 20 ? 100_000 : 1_000 : 0), 1);
    long start = System.nanoTime();
    warmUp.await();
    assertThat(System.nanoTime() - start).as("nanoseconds, of which a second would be all patience")
        .isLessThan(500_000_000);
  }

  @Test
  void whatHasBegunElsewhereIsWaitedFor() {
    var threads = new ConcurrentHashMap<Thread, Boolean>();
    var warmUp = new WarmUp(times -> {
      threads.put(Thread.currentThread(), true);
      busy(1000);
    }, 1000);
    warmUp.begin();
    warmUp.begin();
    warmUp.await();
    assertThat(warmUp.isDone()).isTrue();
    assertThat(threads).hasSize(1).doesNotContainKey(Thread.currentThread());
  }

  @Test
  void kernelsThatStaySlowAreNotWaitedForLong() {
    assertTimeoutPreemptively(Duration.ofSeconds(30), () -> {
      for (int k = 0; k < 100; k++) {
        new WarmUp(times -> busy(100_000), 1).await();
      }
    });
    // A fast one gives those of later tests their time again.
    new WarmUp(times -> {
    }, 1000).await();
  }

  @Test
  void codeThatC2HasMadeSlowIsMadeAnewOnce() {
    var renewals = new AtomicInteger();
    var calls = new AtomicInteger();
    var warmUp = new WarmUp(times -> {
      int call = calls.incrementAndGet();
      // The idle loop is gone with C2, and the first version's runs make objects all the same.
      boolean slow = times > 0 && renewals.get() == 0;
      busy(call <= 256 ? 10_000 : call <= 1000 && times < -50 ? 1000 : slow ? 100_000 : 0);
    }, 1000, () -> {
      renewals.incrementAndGet();
      calls.set(0);
    });
    warmUp.await();
    assertThat(renewals).hasValue(1);
    assertThat(warmUp.isDone()).isTrue();
  }

  @Test
  void slowCodeIsNotTakenForFastBecauseTheFirstRunsWereSlower() {
    var renewals = new AtomicInteger();
    var calls = new AtomicInteger();
    var warmUp = new WarmUp(times -> {
      int call = calls.incrementAndGet();
      boolean isCompiled = call > 1000;
      // With the insides of objects interpreted, then in code of C1, a fiftieth of that.
      int slow = times > 0 && renewals.get() == 0 ? isCompiled ? 40_000 : 2_000_000 : 0;
      busy(call <= 256 ? 10_000 : !isCompiled && times < -50 ? 1000 : slow);
    }, 1000, () -> {
      renewals.incrementAndGet();
      calls.set(0);
    });
    warmUp.await();
    assertThat(renewals).hasValue(1);
  }

  @Test
  void aKernelThatFailsHoldsNoOtherUp() {
    var failing = new WarmUp(times -> {
      throw new IllegalStateException("as a test has it");
    }, 1);
    failing.begin();
    failing.await();
    var next = new WarmUp(times -> busy(1000), 1000);
    next.await();
    assertThat(next.isDone()).isTrue();
  }

  @Test
  void whatCanWaitIsWarmedUpInTheEnd() throws InterruptedException {
    var runs = new AtomicInteger();
    var warmUp = new WarmUp(times -> runs.incrementAndGet(), 1000);
    warmUp.beginLater();
    warmUp.await();
    assertThat(runs.get()).isPositive();
  }

  private static void busy(int nanos) {
    long end = System.nanoTime() + nanos;
    while (System.nanoTime() < end) {
      Thread.onSpinWait();
    }
  }
}
