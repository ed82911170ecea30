package dev.tandem.benchmarks.work;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tandem.benchmarks.ConvolutionBenchmark;
import dev.tandem.benchmarks.NormalizationBenchmark;
import dev.tandem.benchmarks.PointwiseBenchmark;
import dev.tandem.benchmarks.PoolingBenchmark;
import dev.tandem.benchmarks.ProbabilityBenchmark;
import dev.tandem.benchmarks.RecurrentBenchmark;
import dev.tandem.benchmarks.ReduceBenchmark;
import dev.tandem.benchmarks.TrainingBenchmark;
import dev.tandem.benchmarks.WorkBenchmark;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.openjdk.jmh.annotations.Param;

class WorksTest {
  private static final List<Class<? extends WorkBenchmark>> BENCHMARKS = List.of(PointwiseBenchmark.class,
      ReduceBenchmark.class, ProbabilityBenchmark.class, ConvolutionBenchmark.class, PoolingBenchmark.class,
      NormalizationBenchmark.class, RecurrentBenchmark.class, TrainingBenchmark.class);

  /** Products have a benchmark with parameters for size and layout. */
  @Test
  void benchmarksHaveAllWorkThatIsComparedAndNoOther() throws NoSuchFieldException {
    List<String> names = new ArrayList<>();
    for (Class<?> benchmark : BENCHMARKS) {
      names.addAll(List.of(benchmark.getField("work").getAnnotation(Param.class).value()));
    }
    assertThat(names).containsExactlyInAnyOrderElementsOf(
        Works.all().stream().map(Work::name).filter(name -> !name.startsWith("matmul-")).toList());
  }

  @Test
  void anUnknownNameSaysHowToFindNames() {
    assertThatThrownBy(() -> Works.of("conv-0")).hasMessageContaining("conv-0").hasMessageContaining("--list");
  }
}
