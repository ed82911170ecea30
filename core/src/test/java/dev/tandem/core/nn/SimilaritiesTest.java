package dev.tandem.core.nn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.tensor.Tensor;
import dev.tandem.core.testing.GradientCheck;
import dev.tandem.core.testing.ReferenceBackend;
import java.util.Arrays;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The cosine of vectors and the losses made of it. */
class SimilaritiesTest {
  private static final float[][] A = {{1, 2, -1}, {0.5f, 0, 3}, {0, 0, 0}, {1, 1, 1}};
  private static final float[][] B = {{2, 4, -2}, {-1, 5, 0.25f}, {1, 2, 3}, {-2, -2, -2}};
  private static final float[] PAIRS = {1, -1, 1, -1};

  private final Device device = new Device(new ReferenceBackend());
  private final Tensor a = matrix(A);
  private final Tensor b = matrix(B);

  private Tensor matrix(float[][] rows) {
    float[] flat = new float[12];
    for (int i = 0; i < 12; i++) {
      flat[i] = rows[i / 3][i % 3];
    }
    return Tensor.of(device, flat, 4, 3);
  }

  private static double cosine(int row) {
    double dot = 0;
    double aa = 0;
    double bb = 0;
    for (int i = 0; i < 3; i++) {
      dot += A[row][i] * B[row][i];
      aa += A[row][i] * A[row][i];
      bb += B[row][i] * B[row][i];
    }
    return dot / Math.max(1e-8, Math.sqrt(aa)) / Math.max(1e-8, Math.sqrt(bb));
  }

  private static double[] rows(IntToDoubleFunction f) {
    return IntStream.range(0, 4).mapToDouble(f).toArray();
  }

  private static double sum(double[] v) {
    return Arrays.stream(v).sum();
  }

  @Test
  void cosinesRunAlongAnyAxis() {
    double[] expected = rows(SimilaritiesTest::cosine);
    assertThat(Similarities.cosine(a, b, 1).toHost().toDoubles()).containsExactly(expected, within(1e-6));
    assertThat(Similarities.cosine(a.transpose(0, 1), b.transpose(0, 1), -2).toHost().toDoubles())
        .containsExactly(expected, within(1e-6));
    assertThatThrownBy(() -> Similarities.cosine(a, b.slice(0, 0, 1), 1)).isInstanceOf(ShapeException.class)
        .hasMessageContaining("nothing is broadcast");
  }

  @Test
  void similarityLossIsOneLessTheCosine() {
    double[] expected = rows(i -> 1 - cosine(i));
    assertThat(Losses.cosineSimilarity(Reduction.NONE).apply(a, b).toHost().toDoubles()).containsExactly(expected,
        within(1e-6));
    assertThat((double) Losses.cosineSimilarity().apply(a, b).item()).isCloseTo(sum(expected) / 4, within(1e-6));
    assertThatThrownBy(() -> Losses.cosineSimilarity().apply(a, b.slice(0, 0, 1)))
        .hasMessageContaining("cosineSimilarity of F32[4, 3] against F32[1, 3]");
  }

  @Test
  void embeddingLossPullsAndPushes() {
    double[] expected = rows(i -> PAIRS[i] > 0 ? 1 - cosine(i) : Math.max(0, cosine(i) - 0.1));
    Tensor y = Tensor.of(device, PAIRS, 4);
    assertThat(new CosineEmbeddingLoss(0.1, Reduction.NONE).apply(a, b, y).toHost().toDoubles())
        .containsExactly(expected, within(1e-6));
    assertThat((double) new CosineEmbeddingLoss(0.1, Reduction.SUM).apply(a, b, y).item()).isCloseTo(sum(expected),
        within(1e-6));
    assertThatThrownBy(() -> new CosineEmbeddingLoss().apply(a, b, y.unsqueeze(1))).isInstanceOf(ShapeException.class)
        .hasMessageContaining("cosineEmbedding of F32[4, 3] and F32[4, 3] against F32[4, 1]");
    assertThatThrownBy(() -> new CosineEmbeddingLoss(2, Reduction.SUM)).hasMessageContaining("between -1 and 1");
  }

  @ParameterizedTest
  @EnumSource(Reduction.class)
  void gradientsAgreeWithFiniteDifferences(Reduction r) {
    int[] shape = {4, 5};
    GradientCheck.check(in -> Similarities.cosine(in.get(0), in.get(1), 0), shape, shape);
    GradientCheck.check(in -> Losses.cosineSimilarity(r).apply(in.get(0), in.get(1)), shape, shape);
    GradientCheck.check(in -> new CosineEmbeddingLoss(-0.9, r).apply(in.get(0), in.get(1),
        Tensor.of(in.get(0).device(), PAIRS, 4)), shape, shape);
  }

  @Test
  void gradientsAtALengthOfZeroAreFinite() {
    for (float g : GradientCheck.gradient(x -> Similarities.cosine(x, Tensor.ones(x.device(), 2, 3), 1),
        new float[] {0, 0, 0, 1, 2, 3}, 2, 3)) {
      assertThat(g).isFinite();
    }
  }
}
