package dev.tandem.core.testing;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tandem.core.op.Conv2d;
import dev.tandem.core.op.Conv2dGradInput;
import dev.tandem.core.op.Conv2dGradWeight;
import dev.tandem.core.op.ConvGeometry;
import dev.tandem.core.op.Op;
import dev.tandem.core.op.Precision;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.Layout;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.Spec;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Convolution and both gradients, for every geometry and with images in every order. */
abstract class ConvolutionContract extends Contract {
  private static final List<Arrangement> IMAGES =
      List.of(Arrangement.CONTIGUOUS, Arrangement.CHANNELS_LAST, Arrangement.PADDED_CHANNELS,
          Arrangement.SLICED, Arrangement.OFFSET);

  /** A size of image and kernel. */
  private record Size(int n, int channels, int height, int width, int outputs, int kernelH, int kernelW) {
    int[] image() {
      return new int[] {n, channels, height, width};
    }

    int[] weight(ConvGeometry g) {
      return new int[] {outputs, channels / g.groups(), kernelH, kernelW};
    }

    int[] output(ConvGeometry g) {
      return new int[] {n, outputs, g.outputHeight(height, kernelH), g.outputWidth(width, kernelW)};
    }
  }

  /** All three directions with images as {@code from} and {@code to} say. */
  private void all(Size s, ConvGeometry g, Arrangement from, Arrangement weights, Arrangement to) {
    all(Precision.FP32, s, g, from, weights, to);
  }

  private void all(Precision precision, Size s, ConvGeometry g, Arrangement from, Arrangement weights, Arrangement to) {
    DType type = precision == Precision.BF16 ? DType.BF16 : DType.F32;
    boolean tf32 = precision == Precision.TF32;
    int[] y = s.output(g);
    int taps = s.channels / g.groups() * s.kernelH * s.kernelW;
    trial(s.hashCode() * 31L + g.hashCode(), t -> {
      Trial.Slot image = t.slot(type, from, s.image());
      Trial.Slot weight = t.slot(type, weights, s.weight(g));
      Trial.Slot gradient = t.slot(type, to, y);
      check(t, new Conv2d(g, tf32), List.of(image, weight), to, taps);
      check(t, new Conv2dGradInput(g, s.height, s.width, tf32), List.of(gradient, weight), from,
          (long) s.outputs / g.groups() * s.kernelH * s.kernelW);
      check(t, new Conv2dGradWeight(g, s.kernelH, s.kernelW, tf32), List.of(image, gradient), weights,
          (long) y[0] * y[2] * y[3]);
    });
  }

  private static void check(Trial t, Op op, List<Trial.Slot> in, Arrangement to, long terms) {
    t.sums(op, in, t.outputs(op, to, in).get(0), terms);
  }

  private void all(Size s, ConvGeometry g) {
    all(s, g, Arrangement.CONTIGUOUS, Arrangement.CONTIGUOUS, Arrangement.CONTIGUOUS);
    all(s, g, Arrangement.CHANNELS_LAST, Arrangement.CONTIGUOUS, Arrangement.CHANNELS_LAST);
  }

  @Test
  void kernelsStridesPaddingAndDilation() {
    for (int kernel : new int[] {1, 2, 3, 5}) {
      for (int stride = 1; stride <= 3; stride++) {
        for (int padding = 0; padding <= 2; padding++) {
          for (int dilation = 1; dilation <= 2; dilation++) {
            all(new Size(2, 3, 9, 11, 4, kernel, kernel),
                new ConvGeometry(stride, stride, padding, padding, dilation, dilation, 1));
          }
        }
      }
    }
  }

  @Test
  void differentInBothDirections() {
    all(new Size(2, 3, 9, 12, 5, 3, 2), new ConvGeometry(2, 1, 1, 0, 1, 2, 1));
    all(new Size(1, 2, 5, 13, 3, 1, 5), new ConvGeometry(1, 3, 0, 2, 1, 1, 1));
    all(new Size(3, 4, 12, 5, 2, 5, 1), new ConvGeometry(3, 1, 4, 0, 2, 1, 2));
    all(new Size(2, 3, 1, 17, 3, 1, 3), new ConvGeometry(1, 2, 0, 1, 1, 1, 1));
  }

  @Test
  void groupsAndDepthwise() {
    for (int groups : new int[] {2, 3, 6}) {
      for (int stride = 1; stride <= 2; stride++) {
        ConvGeometry g = new ConvGeometry(stride, stride, 1, 1, 1, 1, groups);
        all(new Size(2, 6, 7, 8, 6, 3, 3), g);
        all(new Size(2, 6, 7, 8, 12, 3, 3), g);
      }
    }
    all(new Size(2, 33, 9, 9, 33, 3, 3), new ConvGeometry(1, 1, 1, 1, 1, 1, 33));
    all(new Size(1, 32, 8, 8, 64, 3, 3), new ConvGeometry(2, 2, 1, 1, 1, 1, 32));
  }

  /** Around the lanes of a vector and the tiles of a matrix product. */
  @Test
  void channelsAroundLaneWidths() {
    for (int channels : new int[] {1, 7, 8, 15, 16, 17, 31, 32, 33}) {
      all(new Size(1, channels, 5, 6, 49 - channels, 3, 3), ConvGeometry.of(1, 1));
      all(new Size(2, 49 - channels, 4, 3, channels, 1, 1), ConvGeometry.of(1, 0));
    }
  }

  @Test
  void widthsAroundLaneWidths() {
    for (int width : new int[] {3, 4, 7, 8, 9, 15, 16, 17, 18, 31, 33, 34, 66}) {
      all(new Size(1, 2, 4, width, 3, 3, 3), ConvGeometry.of(1, 1));
      all(new Size(1, 2, 4, width, 3, 3, 3), ConvGeometry.of(2, 1));
    }
  }

  @Test
  void everyLayoutOfImagesAndWeights() {
    for (Arrangement from : IMAGES) {
      for (Arrangement weights : List.of(Arrangement.CONTIGUOUS, Arrangement.CHANNELS_LAST, Arrangement.SLICED)) {
        for (Arrangement to : IMAGES) {
          all(new Size(2, 4, 6, 7, 6, 3, 3), new ConvGeometry(1, 1, 1, 1, 1, 1, 2), from, weights, to);
          all(new Size(2, 5, 6, 7, 3, 3, 3), ConvGeometry.of(2, 1), from, weights, to);
          all(new Size(2, 5, 4, 3, 3, 1, 1), ConvGeometry.of(1, 0), from, weights, to);
        }
      }
    }
  }

  /** The layouts that the backend itself asks for. */
  @Test
  void preferredLayouts() {
    Size s = new Size(2, 16, 8, 9, 24, 3, 3);
    ConvGeometry g = ConvGeometry.of(1, 1);
    for (Arrangement a : IMAGES) {
      trial(a.seed(), t -> {
        Trial.Slot image = t.slot(DType.F32, a, s.image());
        Trial.Slot weight = t.slot(DType.F32, Arrangement.CONTIGUOUS, s.weight(g));
        Op op = new Conv2d(g);
        Spec spec = op.outputs(List.of(image.operand().spec(), weight.operand().spec())).get(0);
        Layout layout = backend().layout(op, List.of(image.operand(), weight.operand()), spec);
        assertThat(layout.shape()).isEqualTo(spec.shape());
        assertThat(Positions.addresses(layout)).as("no two elements share an address").doesNotHaveDuplicates();
        t.sums(op, List.of(image, weight), t.slot(DType.F32, layout, Numbers.ORDINARY), 16 * 9);
      });
    }
  }

  /** Geometries, groups and layouts once more, with BF16 operands and results or F32 operands that may be rounded. */
  private void reduced(Precision precision) {
    assumeSupported(precision);
    List<ConvGeometry> geometries = List.of(ConvGeometry.of(1, 0), ConvGeometry.of(1, 1), ConvGeometry.of(2, 1),
        new ConvGeometry(2, 1, 1, 0, 1, 2, 1), new ConvGeometry(1, 1, 1, 1, 1, 1, 2),
        new ConvGeometry(1, 1, 1, 1, 1, 1, 6));
    for (ConvGeometry g : geometries) {
      for (int kernel : new int[] {1, 3}) {
        for (Arrangement a : List.of(Arrangement.CONTIGUOUS, Arrangement.CHANNELS_LAST)) {
          all(precision, new Size(2, 6, 7, 9, 12, kernel, kernel), g, a, Arrangement.CONTIGUOUS, a);
        }
      }
    }
    for (Arrangement from : IMAGES) {
      for (Arrangement to : IMAGES) {
        all(precision, new Size(2, 5, 6, 7, 3, 3, 3), ConvGeometry.of(1, 1), from, Arrangement.CONTIGUOUS, to);
      }
    }
    all(precision, new Size(2, 16, 9, 9, 24, 5, 5), ConvGeometry.of(1, 2), Arrangement.CHANNELS_LAST,
        Arrangement.CHANNELS_LAST, Arrangement.CHANNELS_LAST);
    all(precision, new Size(0, 3, 6, 6, 4, 3, 3), ConvGeometry.of(1, 1), Arrangement.CONTIGUOUS, Arrangement.CONTIGUOUS,
        Arrangement.CONTIGUOUS);
  }

  @Test
  void bf16() {
    reduced(Precision.BF16);
  }

  @Test
  void tf32() {
    reduced(Precision.TF32);
  }

  @Test
  void emptyBatches() {
    all(new Size(0, 3, 6, 6, 4, 3, 3), ConvGeometry.of(1, 1));
  }

  /** A first layer and a middle layer, small enough for the oracle. */
  @Test
  void sizesThatTrainingHas() {
    all(new Size(2, 1, 28, 28, 16, 5, 5), ConvGeometry.of(1, 2));
    all(new Size(2, 3, 20, 20, 32, 3, 3), ConvGeometry.of(1, 1));
    all(new Size(3, 32, 8, 8, 40, 3, 3), ConvGeometry.of(1, 1));
    all(new Size(2, 32, 9, 9, 64, 1, 1), ConvGeometry.of(2, 0));
  }

  /**
   * Padding is zeros that take no part: an infinite weight over it gives no NaN. Inside the image zero times infinity
   * is NaN.
   */
  @Test
  void notANumberAndInfinities() {
    trial(5, t -> {
      List<Trial.Slot> in = new ArrayList<>();
      double[] x = new double[2 * 2 * 5 * 6];
      double[] w = new double[3 * 2 * 3 * 3];
      for (int i = 0; i < x.length; i++) {
        x[i] = i % 7 == 0 ? 0 : (float) t.random().nextGaussian();
      }
      for (int i = 0; i < w.length; i++) {
        w[i] = (float) t.random().nextGaussian();
      }
      x[60 + 8] = Double.NaN;
      x[3] = Double.NEGATIVE_INFINITY;
      w[0] = 0;
      in.add(t.slot(DType.F32, x, Arrangement.CONTIGUOUS, 2, 2, 5, 6));
      in.add(t.slot(DType.F32, w, Arrangement.CONTIGUOUS, 3, 2, 3, 3));
      check(t, new Conv2d(ConvGeometry.of(1, 0)), in, Arrangement.CONTIGUOUS, 18);
    });
  }

  /**
   * Stride 0: the gradient of a sum over the output, an image repeated over the batch, one bias-like kernel for all
   * outputs.
   */
  @Test
  void repeatedOperands() {
    Size s = new Size(2, 5, 6, 7, 4, 3, 3);
    ConvGeometry g = ConvGeometry.of(1, 1);
    Shape image = Shape.of(s.image());
    Shape weight = Shape.of(s.weight(g));
    Shape output = Shape.of(s.output(g));
    trial(6, t -> {
      Trial.Slot x = t.slot(DType.F32, Arrangement.CONTIGUOUS, 1, 5, 6, 7);
      Trial.Slot w = t.slot(DType.F32, Arrangement.CONTIGUOUS, 1, 5, 3, 3);
      Trial.Slot one = t.slot(DType.F32, Arrangement.CONTIGUOUS, 1);
      x = x.as(x.layout().expand(image));
      w = w.as(w.layout().expand(weight));
      Trial.Slot gradient = one.as(one.layout().expand(output));
      check(t, new Conv2d(g), List.of(x, w), Arrangement.CONTIGUOUS, 45);
      check(t, new Conv2dGradInput(g, 6, 7), List.of(gradient, w), Arrangement.CONTIGUOUS, 36);
      check(t, new Conv2dGradWeight(g, 3, 3), List.of(x, gradient), Arrangement.CONTIGUOUS, 84);
    });
  }
}
