package dev.tandem.benchmarks.work;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.tandem.benchmarks.work.Work.Elementwise;
import dev.tandem.benchmarks.work.Work.MatMul;
import dev.tandem.benchmarks.work.Work.Probability;
import dev.tandem.benchmarks.work.Work.Reduction;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** What Tandem's side computes is what the work says, by loops in double. Peers are held against that side. */
class SidesAgreeTest {
  private static final Tandem TANDEM = new Tandem();

  @BeforeAll
  static void start() {
    TANDEM.start(1);
  }

  @ParameterizedTest
  @CsvSource({"false, false", "false, true", "true, false", "true, true"})
  void productsTakeOperandsAsTheyLieInMemory(boolean transposedA, boolean transposedB) {
    MatMul work = new MatMul(transposedA, transposedB, 3, 5, 7);
    float[] a = work.a();
    float[] b = work.b();
    float[] c = TANDEM.open(work).results().getFirst();
    for (int i = 0; i < 3; i++) {
      for (int j = 0; j < 5; j++) {
        double sum = 0;
        for (int k = 0; k < 7; k++) {
          sum += (double) a[transposedA ? k * 3 + i : i * 7 + k] * b[transposedB ? j * 7 + k : k * 5 + j];
        }
        assertThat((double) c[i * 5 + j]).isCloseTo(sum, within(1e-6));
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void aLoopByHandComputesTheSame(Elementwise.Function function) {
    Elementwise work = new Elementwise(function, 1 << 12);
    List<float[]> ours = TANDEM.open(work).results();
    List<float[]> loop = new VectorLoops().open(work).results();
    assertThat(ours).hasSameSizeAs(loop);
    for (int k = 0; k < ours.size(); k++) {
      for (int i = 0; i < ours.get(k).length; i++) {
        // Two polynomials of 24 bits, of values up to 55.
        assertThat(ours.get(k)[i]).isCloseTo(loop.get(k)[i], within(1e-6f + 1e-6f * Math.abs(loop.get(k)[i])));
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void sumsAreOfWhatTheyAreSaidToBe(Reduction.Over over) {
    Reduction work = new Reduction(over, 4, 3);
    double[] sums = new double[over == Reduction.Over.ROWS ? 4 : over == Reduction.Over.COLUMNS ? 3 : 1];
    float[] x = work.input();
    for (int i = 0; i < x.length; i++) {
      sums[over == Reduction.Over.ROWS ? i / 3 : over == Reduction.Over.COLUMNS ? i % 3 : 0] += x[i];
    }
    float[] got = TANDEM.open(work).results().getFirst();
    assertThat(got).hasSameSizeAs(sums);
    for (int i = 0; i < sums.length; i++) {
      assertThat((double) got[i]).isCloseTo(sums[i], within(1e-5));
    }
  }

  @Test
  void crossEntropyGivesTheLossAndTheGradientOfLogits() {
    Probability work = new Probability(Probability.Kind.CROSS_ENTROPY, 8, 10);
    List<float[]> results = TANDEM.open(work).results();
    assertThat(results.get(0)).hasSize(1);
    assertThat(results.get(1)).hasSize(80);
    // Of each row: probabilities less one.
    double sum = 0;
    for (float g : results.get(1)) {
      sum += g;
    }
    assertThat(sum).isCloseTo(0, within(1e-5));
  }
}
