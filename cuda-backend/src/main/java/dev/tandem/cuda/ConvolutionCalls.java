package dev.tandem.cuda;

import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.Operand;
import dev.tandem.core.op.Conv2d;
import dev.tandem.core.op.Conv2dGradInput;
import dev.tandem.core.op.Conv2dGradWeight;
import dev.tandem.core.op.ConvGeometry;
import dev.tandem.core.op.Product;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.Layout;
import dev.tandem.core.shape.ShapeException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Convolutions through cuDNN, on images that lie densely as [N, C, H, W] or as [N, H, W, C]; others are copied. A weight is copied
 * to the order that the images have. Tensor cores want channels last, so that there one image in that order decides.
 */
final class ConvolutionCalls {
  private ConvolutionCalls() {
  }

  /** A convolution in one direction, and the operand that it computes. */
  private record Work(ConvolutionPlan.Direction direction, ConvGeometry geometry, Operand image, Operand weight,
      Operand output, Operand result) {
    ConvolutionPlan.Key key(Way way) {
      return new ConvolutionPlan.Key(direction, geometry, way.format, way.arithmetic, image.shape(), weight.shape(),
          output.shape());
    }
  }

  /** How the operands shall lie and be computed with. */
  private record Way(ConvolutionPlan.Format format, Arithmetic arithmetic) {
  }

  /** A plan and the way of its operands. */
  private record Found(Way way, ConvolutionPlan plan) {
  }

  static Prepared prepare(Conv2d op, Call call, CudaContext context) {
    Operand output = call.out().get(0);
    return prepare(op, new Work(ConvolutionPlan.Direction.FORWARD, op.geometry(), call.in().get(0), call.in().get(1),
        output, output), context);
  }

  static Prepared prepare(Conv2dGradInput op, Call call, CudaContext context) {
    Operand image = call.out().get(0);
    return prepare(op, new Work(ConvolutionPlan.Direction.GRAD_INPUT, op.geometry(), image, call.in().get(1),
        call.in().get(0), image), context);
  }

  static Prepared prepare(Conv2dGradWeight op, Call call, CudaContext context) {
    Operand weight = call.out().get(0);
    return prepare(op, new Work(ConvolutionPlan.Direction.GRAD_WEIGHT, op.geometry(), call.in().get(0), weight,
        call.in().get(1), weight), context);
  }

  private static Prepared prepare(Product op, Work work, CudaContext context) {
    List<Operand> operands = List.of(work.image, work.weight, work.output);
    if (operands.stream().anyMatch(o -> o.shape().size() == 0)) {
      return Prepared.of(StridedCopy.zeros(context, work.result));
    }
    for (Operand o : operands) {
      if (o.shape().size() > Integer.MAX_VALUE) {
        throw new ShapeException(
            "cuDNN takes no operand of more than " + Integer.MAX_VALUE + " elements, and " + o.shape()
                + " has " + o.shape().size() + "; make the batch smaller");
      }
    }
    Found found = find(work, ways(Arithmetic.of(op, work.result.dtype()), work), context);
    Staging staging = new Staging(context);
    Staging.Place x = place(staging, work, work.image, found.way);
    Staging.Place w = place(staging, work, work.weight, found.way);
    Staging.Place y = place(staging, work, work.output, found.way);
    long workspace = staging.reserve(found.plan.workspace());
    return staging.around(base -> found.plan.run(context.pointer(x.address(base)), context.pointer(w.address(base)),
        context.pointer(y.address(base)), context.pointer(base + workspace)));
  }

  /** Best first. cuDNN has gaps for channels last and for BF16, which copies and, at last, F32 copies with TF32 products fill. */
  private static List<Way> ways(Arithmetic arithmetic, Work work) {
    boolean imageLast = channelsLast(work.image.layout());
    boolean outputLast = channelsLast(work.output.layout());
    boolean last = arithmetic.usesTensorCores() ? imageLast || outputLast : imageLast && outputLast;
    ConvolutionPlan.Format preferred = last ? ConvolutionPlan.Format.NHWC : ConvolutionPlan.Format.NCHW;
    ConvolutionPlan.Format other = last ? ConvolutionPlan.Format.NCHW : ConvolutionPlan.Format.NHWC;
    List<Way> ways = new ArrayList<>(List.of(new Way(preferred, arithmetic), new Way(other, arithmetic)));
    if (arithmetic == Arithmetic.BF16) {
      ways.add(new Way(preferred, Arithmetic.TF32));
      ways.add(new Way(other, Arithmetic.TF32));
    }
    return ways;
  }

  private static Found find(Work work, List<Way> ways, CudaContext context) {
    Cudnn cudnn = Cudnn.of(context);
    for (Way way : ways) {
      Optional<ConvolutionPlan> plan = ConvolutionPlan.of(cudnn, work.key(way));
      if (plan.isPresent()) {
        return new Found(way, plan.get());
      }
    }
    throw new CudaException("cuDNN has no algorithm for " + work.geometry + " of image " + work.image.shape()
        + ", weight " + work.weight.shape() + " and output " + work.output.shape());
  }

  private static boolean channelsLast(Layout l) {
    return !l.isContiguous() && Staging.sameStrides(l, ConvolutionPlan.Format.NHWC.of(l.shape()));
  }

  private static Staging.Place place(Staging staging, Work work, Operand o, Way way) {
    Layout dense = way.format.of(o.shape());
    DType type = way.arithmetic.type();
    return o == work.result ? staging.output(o, dense, type, false) : staging.input(o, dense, type);
  }
}
