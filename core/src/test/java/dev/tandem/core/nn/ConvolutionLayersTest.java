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
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ConvolutionLayersTest {
  private static final ConvOptions PLAIN = ConvOptions.DEFAULT;
  private static final long SEED = 9;
  private final Device device = new Device(new ReferenceBackend());
  private final Random random = new Random(SEED);

  private Tensor numbers(int... dims) {
    float[] v = new float[Math.toIntExact(Shape.of(dims).size())];
    for (int i = 0; i < v.length; i++) {
      v[i] = (float) random.nextGaussian();
    }
    return Tensor.of(device, v, dims);
  }

  private static void assertClose(Tensor got, double[] want, int... dims) {
    assertThat(got.shape()).isEqualTo(Shape.of(dims));
    float[] values = got.toArray();
    for (int i = 0; i < want.length; i++) {
      assertThat((double) values[i]).as("element %d of %s, seed %d", i, got, SEED).isCloseTo(want[i],
          within(2e-6 * Math.max(1, Math.abs(want[i]))));
    }
  }

  /** The index inside n elements that stands at place i, perhaps outside; -1 for a zero. */
  private static int source(PaddingMode mode, int i, int n) {
    if (i >= 0 && i < n) {
      return i;
    }
    return switch (mode) {
      case ZEROS -> -1;
      case REFLECT -> i < 0 ? -i : 2 * (n - 1) - i;
      case REPLICATE -> i < 0 ? 0 : n - 1;
      case CIRCULAR -> Math.floorMod(i, n);
    };
  }

  /** The definition, with {@code top} rows before and {@code bottom} rows behind, and likewise for columns. */
  private static double[] convolved(Tensor image, Tensor kernel, float[] bias, ConvOptions o, int top, int bottom,
      int left, int right) {
    float[] x = image.toArray();
    float[] w = kernel.toArray();
    int[] xs = image.shape().dims();
    int[] ws = kernel.shape().dims();
    int oh = (xs[2] + top + bottom - o.dilationH() * (ws[2] - 1) - 1) / o.strideH() + 1;
    int ow = (xs[3] + left + right - o.dilationW() * (ws[3] - 1) - 1) / o.strideW() + 1;
    double[] y = new double[xs[0] * ws[0] * oh * ow];
    int at = 0;
    for (int n = 0; n < xs[0]; n++) {
      for (int out = 0; out < ws[0]; out++) {
        for (int i = 0; i < oh; i++) {
          for (int j = 0; j < ow; j++) {
            double sum = bias == null ? 0 : bias[out];
            for (int c = 0; c < ws[1]; c++) {
              int channel = out / (ws[0] / o.groups()) * ws[1] + c;
              for (int k = 0; k < ws[2]; k++) {
                for (int l = 0; l < ws[3]; l++) {
                  int h = source(o.paddingMode(), i * o.strideH() + k * o.dilationH() - top, xs[2]);
                  int v = source(o.paddingMode(), j * o.strideW() + l * o.dilationW() - left, xs[3]);
                  sum += h < 0 || v < 0 ? 0
                      : (double) w[((out * ws[1] + c) * ws[2] + k) * ws[3] + l]
                          * x[((n * xs[1] + channel) * xs[2] + h) * xs[3] + v];
                }
              }
            }
            y[at++] = sum;
          }
        }
      }
    }
    return y;
  }

  private void checkConv2d(int in, int out, int kh, int kw, ConvOptions o, int h, int w) {
    Conv2d layer = new Conv2d(in, out, kh, kw, o);
    layer.on(device, 3);
    Tensor x = numbers(2, in, h, w);
    float[] bias = o.bias() ? layer.state().get("bias").tensor().toArray() : null;
    int totalH = o.samePadding() ? o.dilationH() * (kh - 1) : 2 * o.paddingH();
    int totalW = o.samePadding() ? o.dilationW() * (kw - 1) : 2 * o.paddingW();
    Tensor y = layer.apply(x);
    assertClose(y, convolved(x, layer.state().get("weight").tensor(), bias, o, totalH / 2, totalH - totalH / 2,
        totalW / 2, totalW - totalW / 2), y.shape().dims());
    if (o.samePadding()) {
      assertThat(y.shape().dims()).containsExactly(2, out, h, w);
    }
    GradientCheck.check(new Conv2d(in, out, kh, kw, o), 2, in, h, w);
  }

  @Test
  void conv2dIsTheSumOfItsDefinition() {
    checkConv2d(3, 4, 3, 3, PLAIN, 6, 7);
    checkConv2d(1, 2, 2, 3, PLAIN.withBias(false), 5, 4);
    checkConv2d(2, 3, 3, 3, PLAIN.withStride(2).withPadding(1), 7, 6);
    checkConv2d(2, 2, 3, 2, PLAIN.withStride(1, 3).withPadding(2, 1).withDilation(2, 1), 6, 7);
    checkConv2d(4, 6, 3, 3, PLAIN.withGroups(2).withPadding(1), 4, 5);
    checkConv2d(4, 4, 3, 3, PLAIN.withGroups(4), 4, 5);
    checkConv2d(4, 8, 2, 2, PLAIN.withGroups(4).withDilation(2), 5, 5);
  }

  @Test
  void samePaddingKeepsTheSizeAndPutsTheOddOneLast() {
    checkConv2d(2, 3, 3, 3, PLAIN.withSamePadding(), 5, 6);
    checkConv2d(2, 3, 2, 4, PLAIN.withSamePadding(), 5, 6);
    checkConv2d(2, 3, 4, 2, PLAIN.withSamePadding().withDilation(3, 2), 7, 6);
  }

  @ParameterizedTest
  @EnumSource(PaddingMode.class)
  void everyPaddingModeFillsTheEdge(PaddingMode mode) {
    checkConv2d(2, 3, 3, 3, PLAIN.withPadding(1).withPaddingMode(mode), 4, 5);
    checkConv2d(2, 2, 3, 5, PLAIN.withPadding(0, 3).withStride(2).withPaddingMode(mode), 4, 5);
    checkConv2d(2, 2, 2, 4, PLAIN.withSamePadding().withPaddingMode(mode), 4, 5);
  }

  @Test
  void paddingThatTheImageCannotFillIsRefused() {
    Tensor x = Tensor.ones(device, 1, 1, 3, 3);
    assertThatThrownBy(() -> PaddingMode.REFLECT.pad(x, 2, 3, 0)).isInstanceOf(ShapeException.class)
        .hasMessageContaining("smaller");
    assertThatThrownBy(() -> PaddingMode.CIRCULAR.pad(x, 3, 0, 4)).isInstanceOf(ShapeException.class)
        .hasMessageContaining("no larger");
    assertThatThrownBy(() -> PaddingMode.REPLICATE.pad(x, 3, -1, 4)).isInstanceOf(ShapeException.class)
        .hasMessageContaining("negative");
    assertThat(PaddingMode.CIRCULAR.pad(x, 3, 3, 3).shape().dims()).containsExactly(1, 1, 3, 9);
    assertThat(PaddingMode.REFLECT.pad(x, 3, 0, 0)).isSameAs(x);
  }

  @Test
  void conv1dIsAConvolutionOfOneRow() {
    for (ConvOptions o : new ConvOptions[] {PLAIN, PLAIN.withStride(2).withPadding(2).withDilation(2),
        PLAIN.withGroups(2).withBias(false), PLAIN.withSamePadding(),
        PLAIN.withPadding(2).withPaddingMode(PaddingMode.REFLECT)}) {
      Conv1d layer = new Conv1d(4, 6, 4, o);
      layer.on(device, 4);
      Tensor weight = layer.state().get("weight").tensor();
      assertThat(weight.shape().dims()).containsExactly(6, 4 / o.groups(), 4);
      Tensor x = numbers(2, 4, 9);
      float[] bias = o.bias() ? layer.state().get("bias").tensor().toArray() : null;
      int total = o.samePadding() ? 3 : 2 * o.paddingW();
      ConvOptions row = o.withStride(1, o.strideW());
      Tensor y = layer.apply(x);
      assertClose(y, convolved(x.unsqueeze(2), weight.unsqueeze(2), bias, row, 0, 0, total / 2, total - total / 2),
          y.shape().dims());
      GradientCheck.check(new Conv1d(4, 6, 4, o), 2, 4, 9);
    }
    assertThat(new Conv1d(2, 3, 2).state().keySet()).containsExactly("weight", "bias");
  }

  /** Every input element adds the kernel, scaled, to the output at its place. */
  private void checkTranspose(int in, int out, int kh, int kw, ConvOptions o, int outputPadding, int h, int w) {
    ConvTranspose2d layer = new ConvTranspose2d(in, out, kh, kw, o, outputPadding);
    layer.on(device, 5);
    Tensor weight = layer.state().get("weight").tensor();
    assertThat(weight.shape().dims()).containsExactly(in, out / o.groups(), kh, kw);
    Tensor image = numbers(2, in, h, w);
    int oh = (h - 1) * o.strideH() - 2 * o.paddingH() + o.dilationH() * (kh - 1) + outputPadding + 1;
    int ow = (w - 1) * o.strideW() - 2 * o.paddingW() + o.dilationW() * (kw - 1) + outputPadding + 1;
    double[] y = new double[2 * out * oh * ow];
    for (int i = 0; o.bias() && i < y.length; i++) {
      y[i] = layer.state().get("bias").tensor().toArray()[i / (oh * ow) % out];
    }
    float[] x = image.toArray();
    float[] v = weight.toArray();
    int perGroup = out / o.groups();
    for (int i = 0; i < x.length; i++) {
      int n = i / (in * h * w);
      int c = i / (h * w) % in;
      for (int p = 0; p < perGroup; p++) {
        for (int k = 0; k < kh; k++) {
          for (int l = 0; l < kw; l++) {
            int r = i / w % h * o.strideH() - o.paddingH() + k * o.dilationH();
            int s = i % w * o.strideW() - o.paddingW() + l * o.dilationW();
            if (r >= 0 && r < oh && s >= 0 && s < ow) {
              int channel = c / (in / o.groups()) * perGroup + p;
              y[((n * out + channel) * oh + r) * ow + s] +=
                  (double) x[i] * v[((c * perGroup + p) * kh + k) * kw + l];
            }
          }
        }
      }
    }
    assertClose(layer.apply(image), y, 2, out, oh, ow);
    GradientCheck.check(new ConvTranspose2d(in, out, kh, kw, o, outputPadding), 2, in, h, w);
  }

  @Test
  void convTranspose2dAddsAKernelForEveryElement() {
    checkTranspose(3, 2, 3, 3, PLAIN, 0, 3, 4);
    checkTranspose(2, 3, 3, 2, PLAIN.withStride(2).withPadding(1), 1, 3, 4);
    checkTranspose(4, 6, 2, 3, PLAIN.withGroups(2).withStride(3, 2).withBias(false), 1, 3, 3);
    checkTranspose(2, 2, 3, 3, PLAIN.withDilation(2).withPadding(2, 1), 0, 3, 3);
  }

  @Test
  void parametersStartAsPyTorchDoes() {
    Conv2d conv = new Conv2d(8, 200, 2, PLAIN.withGroups(2));
    conv.on(device, 42);
    assertThat(conv.state().keySet()).containsExactly("weight", "bias");
    ConvTranspose2d transposed = new ConvTranspose2d(200, 4, 2);
    transposed.on(device, 42);
    // Both have a fan-in of 16 by PyTorch's count: 4 channels of 2 x 2.
    for (Block layer : new Block[] {conv, transposed}) {
      float[] values = layer.state().get("weight").tensor().toArray();
      Arrays.sort(values);
      assertThat(values[0]).isBetween(-0.25f, -0.245f);
      assertThat(values[values.length - 1]).isBetween(0.245f, 0.25f);
      for (float b : layer.state().get("bias").tensor().toArray()) {
        assertThat(b).isBetween(-0.25f, 0.25f);
      }
    }
    Conv2d ones = new Conv2d(1, 1, 2, PLAIN.withWeightInit(Initializers.ones()).withBias(false));
    ones.on(device, 1);
    assertThat(ones.apply(Tensor.ones(device, 1, 1, 2, 2)).item()).isEqualTo(4);
  }

  @Test
  void whatDoesNotFitIsNamed() {
    Module model = new Sequential(new Conv2d(3, 4, 3)).on(device, 1);
    assertThatThrownBy(() -> model.apply(Tensor.ones(device, 1, 1, 8, 8))).isInstanceOf(ShapeException.class)
        .hasMessageContaining("Conv2d wants [N, 3, H, W], not [1, 1, 8, 8]");
    assertThatThrownBy(() -> model.apply(Tensor.ones(device, 3, 8, 8))).isInstanceOf(ShapeException.class)
        .hasMessageContaining("unsqueeze");
    assertThatThrownBy(() -> model.apply(Tensor.ones(device, 1, 3, 2, 8))).isInstanceOf(ShapeException.class)
        .hasMessageContaining("Sequential.0").hasMessageContaining("pad it");
    assertThatThrownBy(() -> new Conv1d(2, 2, 3).on(device, 1).apply(Tensor.ones(device, 2, 2)))
        .isInstanceOf(ShapeException.class).hasMessageContaining("Conv1d wants [N, 2, L]");
    assertThatThrownBy(() -> new Conv2d(3, 0, 3)).isInstanceOf(ShapeException.class).hasMessageContaining("positive");
    assertThatThrownBy(() -> new Conv2d(3, 4, 3, PLAIN.withGroups(3))).isInstanceOf(ShapeException.class)
        .hasMessageContaining("do not both fall into 3 groups");
    assertThatThrownBy(() -> PLAIN.withStride(2).withSamePadding()).isInstanceOf(ShapeException.class)
        .hasMessageContaining("strides of 1");
    assertThatThrownBy(() -> PLAIN.withStride(0)).isInstanceOf(ShapeException.class);
    assertThatThrownBy(() -> new ConvTranspose2d(1, 1, 3, PLAIN.withStride(2), 2)).isInstanceOf(ShapeException.class)
        .hasMessageContaining("output padding of 2");
    assertThatThrownBy(() -> new ConvTranspose2d(1, 1, 3, PLAIN.withSamePadding(), 0))
        .isInstanceOf(ShapeException.class).hasMessageContaining("padding");
    Module transposed = new ConvTranspose2d(1, 1, 2, PLAIN.withPadding(3), 0).on(device, 1);
    assertThatThrownBy(() -> transposed.apply(Tensor.ones(device, 1, 1, 2, 2))).isInstanceOf(ShapeException.class)
        .hasMessageContaining("less padding");
  }

  @Test
  void stepsAreReplayed() {
    ReplayCheck.check(() -> new Conv2d(2, 3, 2, PLAIN.withSamePadding()), 2, 2, 4, 4);
    ReplayCheck.check(() -> new Conv2d(2, 3, 3, PLAIN.withPadding(2).withPaddingMode(PaddingMode.REFLECT)), 2, 2, 4, 4);
    ReplayCheck.check(() -> new Conv1d(2, 3, 3, PLAIN.withPadding(1).withPaddingMode(PaddingMode.CIRCULAR)), 2, 2, 5);
    ReplayCheck.check(() -> new ConvTranspose2d(2, 3, 3, PLAIN.withStride(2), 1), 2, 2, 3, 3);
  }
}
