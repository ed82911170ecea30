package dev.tandem.cuda;

import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.Operand;
import dev.tandem.core.op.Conv2d;
import dev.tandem.core.op.Conv2dGradInput;
import dev.tandem.core.op.Conv2dGradWeight;
import dev.tandem.core.op.ConvGeometry;
import dev.tandem.core.shape.Layout;
import dev.tandem.core.shape.ShapeException;
import java.util.List;
import java.util.Optional;

/**
 * Convolutions through cuDNN, on images that lie densely as [N, C, H, W] or as [N, H, W, C]; others are copied. A weight is copied
 * to the order that the images have.
 */
final class ConvolutionCalls {
  private ConvolutionCalls() {
  }

  static Prepared prepare(Conv2d op, Call call, CudaContext context) {
    return prepare(ConvolutionPlan.Direction.FORWARD, op.geometry(), call.in().get(0), call.in().get(1),
        call.out().get(0), context);
  }

  static Prepared prepare(Conv2dGradInput op, Call call, CudaContext context) {
    return prepare(ConvolutionPlan.Direction.GRAD_INPUT, op.geometry(), call.out().get(0), call.in().get(1),
        call.in().get(0), context);
  }

  static Prepared prepare(Conv2dGradWeight op, Call call, CudaContext context) {
    return prepare(ConvolutionPlan.Direction.GRAD_WEIGHT, op.geometry(), call.in().get(0), call.out().get(0),
        call.in().get(1), context);
  }

  private static Prepared prepare(ConvolutionPlan.Direction direction, ConvGeometry geometry, Operand image,
      Operand weight, Operand output, CudaContext context) {
    Operand result = switch (direction) {
      case FORWARD -> output;
      case GRAD_INPUT -> image;
      case GRAD_WEIGHT -> weight;
    };
    if (image.shape().size() == 0 || weight.shape().size() == 0 || output.shape().size() == 0) {
      return Prepared.of(StridedCopy.zeros(context, result));
    }
    for (Operand o : List.of(image, weight, output)) {
      if (o.shape().size() > Integer.MAX_VALUE) {
        throw new ShapeException(
            "cuDNN takes no operand of more than " + Integer.MAX_VALUE + " elements, and " + o.shape()
                + " has " + o.shape().size() + "; make the batch smaller");
      }
    }
    ConvolutionPlan.Format preferred = channelsLast(image.layout()) && channelsLast(output.layout())
        ? ConvolutionPlan.Format.NHWC : ConvolutionPlan.Format.NCHW;
    Cudnn cudnn = Cudnn.of(context);
    ConvolutionPlan.Format format = preferred;
    Optional<ConvolutionPlan> found = plan(cudnn, direction, geometry, preferred, image, weight, output);
    if (found.isEmpty() && preferred == ConvolutionPlan.Format.NHWC) {
      format = ConvolutionPlan.Format.NCHW;
      found = plan(cudnn, direction, geometry, format, image, weight, output);
    }
    ConvolutionPlan plan = found.orElseThrow(() -> new CudaException("cuDNN has no algorithm for " + geometry
        + " of image " + image.shape() + ", weight " + weight.shape() + " and output " + output.shape()));
    Staging staging = new Staging(context);
    Staging.Place x = place(staging, image, format, image == result);
    Staging.Place w = place(staging, weight, format, weight == result);
    Staging.Place y = place(staging, output, format, output == result);
    long workspace = staging.reserve(plan.workspace());
    return staging.around(base -> plan.run(context.pointer(x.address(base)), context.pointer(w.address(base)),
        context.pointer(y.address(base)), context.pointer(base + workspace)));
  }

  private static Optional<ConvolutionPlan> plan(Cudnn cudnn, ConvolutionPlan.Direction direction, ConvGeometry geometry,
      ConvolutionPlan.Format format, Operand image, Operand weight, Operand output) {
    return ConvolutionPlan.of(cudnn,
        new ConvolutionPlan.Key(direction, geometry, format, image.shape(), weight.shape(), output.shape()));
  }

  private static boolean channelsLast(Layout l) {
    return !l.isContiguous() && Staging.sameStrides(l, ConvolutionPlan.Format.NHWC.of(l.shape()));
  }

  private static Staging.Place place(Staging staging, Operand o, ConvolutionPlan.Format format, boolean result) {
    Layout dense = format.of(o.shape());
    return result ? staging.output(o, dense, false) : staging.input(o, dense);
  }
}
