package dev.tandem.core.nn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.tensor.Tensor;
import dev.tandem.core.testing.GradientCheck;
import dev.tandem.core.testing.ReferenceBackend;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class PoolingLayersTest {
  private static final long SEED = 13;
  private final Device device = new Device(new ReferenceBackend());
  private final Random random = new Random(SEED);

  private interface Pixel {
    double at(int h, int w);
  }

  private interface PooledPixel {
    double at(Pixel image, int i, int j);
  }

  private Tensor numbers(int... dims) {
    float[] v = new float[Math.toIntExact(Shape.of(dims).size())];
    for (int i = 0; i < v.length; i++) {
      v[i] = (float) random.nextGaussian();
    }
    return Tensor.of(device, v, dims);
  }

  /** Compares every pixel of the result with what {@code want} makes of its channel. */
  private void check(Module layer, Tensor x, int oh, int ow, PooledPixel want) {
    int h = x.shape().dim(2);
    int w = x.shape().dim(3);
    Tensor y = layer.apply(x);
    assertThat(y.shape().dims()).containsExactly(x.shape().dim(0), x.shape().dim(1), oh, ow);
    float[] in = x.toArray();
    float[] out = y.toArray();
    for (int k = 0; k < out.length; k++) {
      int channel = k / (oh * ow) * h * w;
      double expected = want.at((r, s) -> in[channel + r * w + s], k / ow % oh, k % ow);
      assertThat((double) out[k]).as("%s, element %d, seed %d", layer, k, SEED).isCloseTo(expected, within(2e-6));
    }
  }

  /** What a window makes of its pixels inside the image. */
  private static PooledPixel window(int h, int w, int k, int stride, int padding, boolean max, boolean countPadding) {
    return (image, i, j) -> {
      double sum = 0;
      double largest = Double.NEGATIVE_INFINITY;
      int inside = 0;
      for (int r = i * stride - padding; r < i * stride - padding + k; r++) {
        for (int s = j * stride - padding; s < j * stride - padding + k; s++) {
          if (r >= 0 && r < h && s >= 0 && s < w) {
            sum += image.at(r, s);
            largest = Math.max(largest, image.at(r, s));
            inside++;
          }
        }
      }
      return max ? largest : sum / (countPadding ? k * k : inside);
    };
  }

  @Test
  void windowsGiveTheirLargestOrMean() {
    Tensor x = numbers(2, 3, 7, 8);
    check(new MaxPool2d(2), x, 3, 4, window(7, 8, 2, 2, 0, true, true));
    check(new MaxPool2d(3, 2, 1), x, 4, 4, window(7, 8, 3, 2, 1, true, true));
    check(new AvgPool2d(2), x, 3, 4, window(7, 8, 2, 2, 0, false, true));
    check(new AvgPool2d(3, 2, 1), x, 4, 4, window(7, 8, 3, 2, 1, false, true));
    check(new AvgPool2d(3, 1, 1, false), x, 7, 8, window(7, 8, 3, 1, 1, false, false));
    check(new MaxPool2d(1, 2, 1, 2, 0, 0), x, 7, 4,
        (image, i, j) -> Math.max(image.at(i, 2 * j), image.at(i, 2 * j + 1)));
    check(new AvgPool2d(1, 2, 1, 2, 0, 0, true), x, 7, 4,
        (image, i, j) -> (image.at(i, 2 * j) + image.at(i, 2 * j + 1)) / 2);
    assertThat(new MaxPool2d(2).state()).isEmpty();
  }

  @Test
  void windowsOfSequences() {
    Tensor x = Tensor.of(device, new float[] {1, 5, 2, 4, 3, 9}, 1, 1, 6);
    assertThat(new MaxPool1d(2).apply(x).toArray()).containsExactly(5, 4, 9);
    assertThat(new MaxPool1d(3, 2, 1).apply(x).toArray()).containsExactly(5, 5, 9);
    assertThat(new AvgPool1d(3).apply(x).toArray()).containsExactly(8 / 3f, 16 / 3f);
    assertThat(new AvgPool1d(2, 2, 1, true).apply(x).toArray()).containsExactly(0.5f, 3.5f, 3.5f, 4.5f);
    assertThat(new AvgPool1d(2, 2, 1, false).apply(x).toArray()).containsExactly(1, 3.5f, 3.5f, 9);
    assertThat(new AvgPool1d(2).apply(x).shape().dims()).containsExactly(1, 1, 3);
  }

  private static PooledPixel adaptive(int h, int w, int oh, int ow) {
    return (image, i, j) -> {
      double sum = 0;
      int count = 0;
      for (int r = i * h / oh; r < Math.ceilDiv((i + 1) * h, oh); r++) {
        for (int s = j * w / ow; s < Math.ceilDiv((j + 1) * w, ow); s++) {
          sum += image.at(r, s);
          count++;
        }
      }
      return sum / count;
    };
  }

  @Test
  void adaptiveWindowsCoverEveryImage() {
    Tensor x = numbers(2, 3, 6, 7);
    for (int[] size : new int[][] {{1, 1}, {3, 7}, {2, 3}, {4, 5}, {5, 6}, {6, 7}, {9, 10}}) {
      check(new AdaptiveAvgPool2d(size[0], size[1]), x, size[0], size[1], adaptive(6, 7, size[0], size[1]));
    }
    Tensor y = new GlobalAvgPool2d().apply(x);
    assertThat(y.shape().dims()).containsExactly(2, 3);
    assertThat(y.toArray()).containsExactly(new AdaptiveAvgPool2d(1).apply(x).toArray(), within(1e-6f));
  }

  private static double between(Pixel image, double r, double s, int h, int w) {
    int r0 = (int) Math.floor(r);
    int s0 = (int) Math.floor(s);
    int r1 = Math.min(r0 + 1, h - 1);
    int s1 = Math.min(s0 + 1, w - 1);
    double a = r - r0;
    double b = s - s0;
    return (1 - a) * ((1 - b) * image.at(r0, s0) + b * image.at(r0, s1))
        + a * ((1 - b) * image.at(r1, s0) + b * image.at(r1, s1));
  }

  private static double place(Upsample.Mode mode, int i, int in, int out) {
    double at = mode == Upsample.Mode.BILINEAR
        ? (i + 0.5) * in / out - 0.5
        : out == 1 ? 0 : i * (in - 1.0) / (out - 1);
    return Math.clamp(at, 0, in - 1);
  }

  private static PooledPixel upsampled(Upsample.Mode mode, int h, int w, int oh, int ow) {
    return mode == Upsample.Mode.NEAREST
        ? (image, i, j) -> image.at(i * h / oh, j * w / ow)
        : (image, i, j) -> between(image, place(mode, i, h, oh), place(mode, j, w, ow), h, w);
  }

  @ParameterizedTest
  @EnumSource(Upsample.Mode.class)
  void upsamplingFollowsItsMode(Upsample.Mode mode) {
    Tensor x = numbers(2, 3, 4, 5);
    check(new Upsample(2, mode), x, 8, 10, upsampled(mode, 4, 5, 8, 10));
    check(new Upsample(3, 1, mode), x, 12, 5, upsampled(mode, 4, 5, 12, 5));
    for (int[] size : new int[][] {{7, 6}, {1, 1}, {3, 20}, {4, 5}, {2, 3}}) {
      check(Upsample.toSize(size[0], size[1], mode), x, size[0], size[1], upsampled(mode, 4, 5, size[0], size[1]));
    }
    check(new Upsample(2, mode), numbers(1, 1, 1, 1), 2, 2, (image, i, j) -> image.at(0, 0));
    GradientCheck.check(new Upsample(2, mode), 2, 2, 3, 2);
    GradientCheck.check(Upsample.toSize(5, 4, mode), 2, 2, 3, 3);
    ReplayCheck.check(() -> Upsample.toSize(5, 6, mode), 2, 2, 3, 3);
  }

  /** The values of PyTorch's documentation of Upsample. */
  @Test
  void upsamplingGivesTheValuesOfPyTorch() {
    Tensor x = Tensor.of(device, new float[] {1, 2, 3, 4}, 1, 1, 2, 2);
    assertThat(new Upsample(2, Upsample.Mode.BILINEAR).apply(x).toArray()).containsExactly(1, 1.25f, 1.75f, 2, 1.5f,
        1.75f, 2.25f, 2.5f, 2.5f, 2.75f, 3.25f, 3.5f, 3, 3.25f, 3.75f, 4);
    assertThat(new Upsample(2, Upsample.Mode.BILINEAR_ALIGN_CORNERS).apply(x).toArray()).containsExactly(
        new float[] {1, 1.3333f, 1.6667f, 2, 1.6667f, 2, 2.3333f, 2.6667f, 2.3333f, 2.6667f, 3, 3.3333f, 3, 3.3333f,
            3.6667f, 4},
        within(5.1e-5f));
  }

  @Test
  void gradientsAgreeWithFiniteDifferences() {
    GradientCheck.check(new MaxPool2d(3, 2, 1), 2, 2, 5, 6);
    GradientCheck.check(new AvgPool2d(3, 2, 1), 2, 2, 5, 6);
    GradientCheck.check(new AvgPool2d(3, 2, 1, false), 2, 2, 5, 6);
    GradientCheck.check(new MaxPool1d(3, 1, 1), 2, 2, 5);
    GradientCheck.check(new AvgPool1d(2, 1, 1, false), 2, 2, 5);
    GradientCheck.check(new AdaptiveAvgPool2d(2, 3), 2, 2, 4, 3);
    GradientCheck.check(new AdaptiveAvgPool2d(3, 2), 2, 2, 5, 7);
    GradientCheck.check(new GlobalAvgPool2d(), 2, 3, 2, 2);
  }

  @Test
  void stepsAreReplayed() {
    ReplayCheck.check(() -> new MaxPool2d(2), 2, 2, 4, 4);
    ReplayCheck.check(() -> new AvgPool1d(2), 2, 2, 4);
    ReplayCheck.check(() -> new AdaptiveAvgPool2d(3), 2, 2, 4, 5);
    ReplayCheck.check(GlobalAvgPool2d::new, 2, 2, 4, 5);
  }

  @Test
  void whatDoesNotFitIsNamed() {
    Tensor flat = Tensor.ones(device, 2, 3);
    assertThatThrownBy(() -> new MaxPool2d(2).apply(flat)).isInstanceOf(ShapeException.class)
        .hasMessageContaining("MaxPool2d wants [N, C, H, W], not [2, 3]");
    assertThatThrownBy(() -> new AvgPool1d(2).apply(flat)).isInstanceOf(ShapeException.class)
        .hasMessageContaining("AvgPool1d wants [N, C, L]");
    assertThatThrownBy(() -> new AdaptiveAvgPool2d(2).apply(flat)).isInstanceOf(ShapeException.class)
        .hasMessageContaining("AdaptiveAvgPool2d wants");
    assertThatThrownBy(() -> new GlobalAvgPool2d().apply(flat)).isInstanceOf(ShapeException.class)
        .hasMessageContaining("GlobalAvgPool2d wants");
    assertThatThrownBy(() -> new Upsample(2, Upsample.Mode.NEAREST).apply(flat)).isInstanceOf(ShapeException.class)
        .hasMessageContaining("Upsample wants");
    assertThatThrownBy(() -> new Upsample(0, Upsample.Mode.NEAREST)).isInstanceOf(ShapeException.class)
        .hasMessageContaining("positive");
    assertThatThrownBy(() -> new AdaptiveAvgPool2d(0)).isInstanceOf(ShapeException.class)
        .hasMessageContaining("positive");
    assertThatThrownBy(() -> new MaxPool2d(2, 2, 2)).isInstanceOf(ShapeException.class)
        .hasMessageContaining("half the window");
  }
}
