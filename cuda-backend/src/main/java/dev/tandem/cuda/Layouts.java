package dev.tandem.cuda;

import dev.tandem.core.backend.Operand;
import dev.tandem.core.op.Conv2d;
import dev.tandem.core.op.Conv2dGradInput;
import dev.tandem.core.op.Normalize;
import dev.tandem.core.op.NormalizeGrad;
import dev.tandem.core.op.Op;
import dev.tandem.core.op.Pool2d;
import dev.tandem.core.op.Pool2dGrad;
import dev.tandem.core.op.Product;
import dev.tandem.core.shape.Layout;
import dev.tandem.core.shape.Spec;
import java.util.List;

/**
 * The order that results shall have in memory. Convolutions on tensor cores give images with channels last, which is how their
 * kernels read and write them: cuDNN transposes others first. What lies between convolutions keeps the order it finds, so that a
 * network needs no copies. In fp32 cuDNN's kernels are made for channels first.
 */
final class Layouts {
  private Layouts() {
  }

  static Layout of(Op op, List<Operand> in, Spec out) {
    return switch (op) {
      case Conv2d c -> image(c, in, out);
      case Conv2dGradInput c -> image(c, in, out);
      case Pool2d p -> channelsLastIf(isChannelsLast(in.get(0)), out);
      // The image of an average pooling may be a stand-in without an order of its own.
      case Pool2dGrad p -> channelsLastIf(isChannelsLast(in.get(1)), out);
      case Normalize n -> like(in.get(0), out);
      case NormalizeGrad n -> like(in.get(0), out);
      default -> Layout.contiguous(out.shape());
    };
  }

  private static Layout image(Product op, List<Operand> in, Spec out) {
    return channelsLastIf(Arithmetic.of(op, in.get(0).dtype()).usesTensorCores(), out);
  }

  private static Layout channelsLastIf(boolean last, Spec image) {
    return (last ? ConvolutionPlan.Format.NHWC : ConvolutionPlan.Format.NCHW).of(image.shape());
  }

  private static boolean isChannelsLast(Operand image) {
    return image.layout().stride(1) == 1 && image.shape().dim(1) > 1;
  }

  /** In the order of {@code x} if it has its shape. */
  private static Layout like(Operand x, Spec out) {
    Layout dense = out.shape().equals(x.shape()) ? x.layout().denseLikeThis() : null;
    return dense == null ? Layout.contiguous(out.shape()) : dense;
  }
}
