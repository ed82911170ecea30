package dev.tandem.core.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class SchedulesTest {
  private static void gives(Schedule schedule, int step, double factor) {
    assertThat(schedule.factor(step)).as("step %s", step).isCloseTo(factor, within(1e-12));
  }

  @Test
  void constantIsOne() {
    gives(Schedules.constant(), 0, 1);
    gives(Schedules.constant(), 1_000_000, 1);
  }

  @Test
  void stepsFallAfterEachPeriod() {
    Schedule s = Schedules.step(30, 0.1);
    gives(s, 0, 1);
    gives(s, 29, 1);
    gives(s, 30, 0.1);
    gives(s, 89, 0.01);
    gives(s, 90, 0.001);
  }

  @Test
  void milestonesNeedNoOrder() {
    Schedule s = Schedules.multiStep(0.5, 8, 3, 8);
    gives(s, 2, 1);
    gives(s, 3, 0.5);
    gives(s, 7, 0.5);
    gives(s, 8, 0.125);
  }

  @Test
  void exponentialFallsInEachStep() {
    gives(Schedules.exponential(0.9), 7, Math.pow(0.9, 7));
  }

  @Test
  void cosineEndsAtItsMinimum() {
    Schedule s = Schedules.cosine(100, 0.2);
    gives(s, 0, 1);
    gives(s, 25, 0.2 + 0.8 * (1 + Math.cos(Math.PI / 4)) / 2);
    gives(s, 50, 0.6);
    gives(s, 100, 0.2);
    gives(s, 170, 0.2);
  }

  @Test
  void restartsBeginLongerCycles() {
    Schedule s = Schedules.cosineRestarts(10, 2, 0.1);
    for (int cycle = 0, begin = 0, length = 10; cycle < 5; cycle++) {
      for (int i = 0; i < length; i++) {
        gives(s, begin + i, 0.1 + 0.9 * (1 + Math.cos(Math.PI * i / length)) / 2);
      }
      begin += length;
      length *= 2;
    }
    Schedule equal = Schedules.cosineRestarts(10, 1, 0);
    gives(equal, 1_000_000, 1);
    gives(equal, 1_000_005, 0.5);
    assertThat(s.factor(Integer.MAX_VALUE)).isBetween(0.1, 1.0);
  }

  @Test
  void warmupLeadsToTheBeginningOfTheNext() {
    Schedule s = Schedules.warmup(5, Schedules.step(10, 0.5));
    gives(s, 0, 0.2);
    gives(s, 3, 0.8);
    gives(s, 4, 1);
    gives(s, 5, 1);
    gives(s, 14, 1);
    gives(s, 15, 0.5);
    gives(Schedules.warmup(4, step -> 0.5), 1, 0.25);
  }

  /**
   * The numbers are those of torch.optim.lr_scheduler.OneCycleLR's documented formula: phases end at 0.3 n - 1 and
   * n - 1.
   */
  @Test
  void oneCycleRisesAndFalls() {
    Schedule s = Schedules.oneCycle(100);
    gives(s, 0, 0.04);
    gives(s, 10, 0.04 + 0.96 * (1 - Math.cos(Math.PI * 10 / 29)) / 2);
    gives(s, 29, 1);
    gives(s, 64, 4e-6 + (1 - 4e-6) * (1 + Math.cos(Math.PI * 35 / 70)) / 2);
    gives(s, 99, 4e-6);
    gives(s, 1000, 4e-6);
    gives(Schedules.oneCycle(10, 1, 10, 10), 9, 1);
    gives(Schedules.oneCycle(10, 0, 10, 10), 0, 1);
    gives(Schedules.oneCycle(1), 0, 4e-6);
    IntStream.range(0, 5).forEach(i -> assertThat(Schedules.oneCycle(2, 0.5, 2, 2).factor(i)).isBetween(0.25, 1.0));
  }

  @Test
  void anyScheduleCountsEpochs() {
    Schedule s = Schedules.step(2, 0.1).every(50);
    gives(s, 99, 1);
    gives(s, 100, 0.1);
  }

  @Test
  void plateausReduceWhenPatienceEnds() {
    ReduceOnPlateau s = new ReduceOnPlateau(0.5, 2, 0.1, 1, 0.2);
    double[] losses = {1, 0.95, 0.92, 0.91, 0.8, 0.75, 0.79, 0.8, 5, 5, Double.NaN, 5, 5, 5, 5, 5};
    // 0.95 to 0.91 are within a tenth of 1: at the third the rate is halved. The next epoch does not count.
    double[] factors = {1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25, 0.2, 0.2, 0.2, 0.2, 0.2};
    for (int i = 0; i < losses.length; i++) {
      s.observe(losses[i]);
      assertThat(s.factor(i)).as("after %s", losses[i]).isEqualTo(factors[i]);
    }
  }

  @Test
  void aLossBelowZeroMayFallFurther() {
    ReduceOnPlateau s = new ReduceOnPlateau(0.5, 0, 0.1, 0, 0);
    s.observe(-1);
    s.observe(-1.2);
    assertThat(s.factor(0)).isEqualTo(1);
    s.observe(-1.25);
    assertThat(s.factor(0)).isEqualTo(0.5);
  }

  @Test
  void theStateOfAPlateauGoesOnThroughWarmupAndEpochs() {
    Schedule one = Schedules.warmup(3, new ReduceOnPlateau(0.5, 1)).every(10);
    for (double loss : new double[] {1, 2, 3, 4}) {
      one.observe(loss);
    }
    Schedule two = Schedules.warmup(3, new ReduceOnPlateau(0.5, 1)).every(10);
    two.loadState(one.state());
    one.observe(5);
    two.observe(5);
    assertThat(two.factor(30)).isEqualTo(0.25).isEqualTo(one.factor(30));
    assertThat(two.state()).isEqualTo(one.state());
    two.loadState(Map.of());
    assertThat(two.state()).isEqualTo(one.state());
  }

  @Test
  void aBrokenStateIsRefused() {
    ReduceOnPlateau s = new ReduceOnPlateau();
    for (Map<String, String> bad : List.of(Map.of("factor", "1"),
        Map.of("factor", "x", "best", "1", "bad_epochs", "0", "cooling", "0"),
        Map.of("factor", "7", "best", "1", "bad_epochs", "0", "cooling", "0"),
        Map.of("factor", "1", "best", "NaN", "bad_epochs", "0", "cooling", "0"))) {
      assertThatThrownBy(() -> s.loadState(bad)).isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("is no state of ReduceOnPlateau");
    }
    assertThat(s.state()).isEqualTo(new ReduceOnPlateau().state());
  }

  @Test
  void badOptionsAreNamed() {
    assertThatThrownBy(() -> Schedules.step(0, 0.1)).hasMessageContaining("at least 1 step");
    assertThatThrownBy(() -> Schedules.exponential(1.1)).hasMessageContaining("gamma");
    assertThatThrownBy(() -> Schedules.cosine(10, 2)).hasMessageContaining("fraction of the optimizer's");
    assertThatThrownBy(() -> Schedules.cosineRestarts(10, 0, 0)).hasMessageContaining("at least as long");
    assertThatThrownBy(() -> Schedules.oneCycle(10, 2, 25, 1)).hasMessageContaining("share between 0 and 1");
    assertThatThrownBy(() -> Schedules.constant().every(0)).hasMessageContaining("at least 1 step");
    assertThatThrownBy(() -> new ReduceOnPlateau(1, 1)).hasMessageContaining("a factor that reduces");
    assertThatThrownBy(() -> new ReduceOnPlateau(0.1, -1)).hasMessageContaining("must not be negative");
  }
}
