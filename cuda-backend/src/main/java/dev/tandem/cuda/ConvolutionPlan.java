package dev.tandem.cuda;

import dev.tandem.core.op.ConvGeometry;
import dev.tandem.core.shape.Layout;
import dev.tandem.core.shape.Shape;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.function.IntFunction;
import jcuda.Pointer;
import jcuda.jcudnn.JCudnn;
import jcuda.jcudnn.cudnnConvolutionBwdDataAlgoPerf;
import jcuda.jcudnn.cudnnConvolutionBwdFilterAlgoPerf;
import jcuda.jcudnn.cudnnConvolutionDescriptor;
import jcuda.jcudnn.cudnnConvolutionFwdAlgoPerf;
import jcuda.jcudnn.cudnnFilterDescriptor;
import jcuda.jcudnn.cudnnTensorDescriptor;

/** A convolution in one direction on operands of certain layouts: descriptors, and the algorithm that cuDNN thinks fastest. */
final class ConvolutionPlan {
  private static final int CROSS_CORRELATION = 1;
  private static final long LARGEST_WORKSPACE = 1L << 30;

  private final Cudnn cudnn;
  private final Key key;
  private final cudnnTensorDescriptor image;
  private final cudnnFilterDescriptor weight;
  private final cudnnTensorDescriptor output;
  private final cudnnConvolutionDescriptor convolution;
  private final Algorithm algorithm;

  /** Which of the three operands is computed from the other two. */
  enum Direction {
    /** The output. Algorithms IMPLICIT_GEMM, IMPLICIT_PRECOMP_GEMM and GEMM. */
    FORWARD(0, 1, 2),
    /** The gradient of the image. Algorithm 1: number 0 adds in any order. */
    GRAD_INPUT(1),
    /** The gradient of the weight. Algorithm 1: numbers 0 and 3 add in any order. */
    GRAD_WEIGHT(1);

    /**
     * Algorithms that add up products of elements, in an order that does not change from run to run. Those by Fourier or Winograd
     * transform are less exact than an F32 sum, and spread a NaN over elements that it does not belong to.
     */
    private final Set<Integer> exact;

    Direction(Integer... exact) {
      this.exact = Set.of(exact);
    }
  }

  /** Memory formats that cuDNN's convolutions take, with its number for them. */
  enum Format {
    NCHW(0), NHWC(1);

    private final int number;

    Format(int number) {
      this.number = number;
    }

    /** Dense, for images and weights alike. */
    Layout of(Shape s) {
      Layout inMemory = this == NCHW ? Layout.contiguous(s)
          : Layout.contiguous(Shape.of(s.dim(0), s.dim(2), s.dim(3), s.dim(1))).permute(0, 3, 1, 2);
      return inMemory;
    }
  }

  /** What a plan depends on. All operands are dense in {@code format}. */
  record Key(Direction direction, ConvGeometry geometry, Format format, Shape image, Shape weight, Shape output) {
  }

  /** An algorithm of cuDNN's and the bytes it works in. */
  private record Algorithm(int number, long workspace) {
  }

  /** What cuDNN says of an algorithm. */
  private record Candidate(int number, int status, int determinism, long memory) {
  }

  private ConvolutionPlan(Cudnn cudnn, Key key) {
    this.cudnn = cudnn;
    this.key = key;
    cudnnTensorDescriptor x = cudnn.tensor(key.format.of(key.image));
    cudnnTensorDescriptor y = cudnn.tensor(key.format.of(key.output));
    cudnnFilterDescriptor w = new cudnnFilterDescriptor();
    cudnnConvolutionDescriptor c = new cudnnConvolutionDescriptor();
    Cudnn.destroyWith(this, () -> {
      JCudnn.cudnnDestroyTensorDescriptor(x);
      JCudnn.cudnnDestroyTensorDescriptor(y);
      JCudnn.cudnnDestroyFilterDescriptor(w);
      JCudnn.cudnnDestroyConvolutionDescriptor(c);
    });
    image = x;
    output = y;
    weight = w;
    convolution = c;
    ConvGeometry g = key.geometry;
    Shape s = key.weight;
    cudnn.check(JCudnn.cudnnCreateFilterDescriptor(w), "cudnnCreateFilterDescriptor");
    cudnn.check(JCudnn.cudnnSetFilter4dDescriptor(w, Cudnn.FLOAT, key.format.number, s.dim(0), s.dim(1), s.dim(2),
        s.dim(3)), "cudnnSetFilter4dDescriptor");
    cudnn.check(JCudnn.cudnnCreateConvolutionDescriptor(c), "cudnnCreateConvolutionDescriptor");
    cudnn.check(JCudnn.cudnnSetConvolution2dDescriptor(c, g.paddingH(), g.paddingW(), g.strideH(), g.strideW(),
        g.dilationH(), g.dilationW(), CROSS_CORRELATION, Cudnn.FLOAT), "cudnnSetConvolution2dDescriptor");
    cudnn.check(JCudnn.cudnnSetConvolutionGroupCount(c, g.groups()), "cudnnSetConvolutionGroupCount");
    cudnn.check(JCudnn.cudnnSetConvolutionMathType(c, Cudnn.FMA_MATH), "cudnnSetConvolutionMathType");
    algorithm = choose();
  }

  /** Of operands dense in {@code key}'s format; empty if cuDNN has no algorithm for it. */
  static Optional<ConvolutionPlan> of(Cudnn cudnn, Key key) {
    ConvolutionPlan plan = cudnn.plan(key, ConvolutionPlan.class, () -> new ConvolutionPlan(cudnn, key));
    return plan.algorithm.number < 0 ? Optional.empty() : Optional.of(plan);
  }

  /** Bytes of scratch memory that {@link #run} wants. */
  long workspace() {
    return algorithm.workspace;
  }

  private Algorithm choose() {
    List<Candidate> possible =
        offered().stream().filter(c -> c.status == 0 && key.direction.exact.contains(c.number)).toList();
    return possible.stream().filter(c -> c.memory <= LARGEST_WORKSPACE).findFirst()
        .or(() -> possible.stream().min(Comparator.comparingLong(Candidate::memory)))
        .map(c -> new Algorithm(c.number, workspace(c.number))).orElse(new Algorithm(-1, 0));
  }

  private List<Candidate> offered() {
    try {
      return candidates();
    } catch (ArrayIndexOutOfBoundsException e) {
      // After a refused call the binding reads a number of algorithms that nobody has written. This call tells the reason.
      workspace(Collections.min(key.direction.exact));
      return List.of();
    }
  }

  /** Fastest first, by cuDNN's heuristics, which run nothing. */
  private List<Candidate> candidates() {
    int[] found = new int[1];
    int most = 10;
    return switch (key.direction) {
      case FORWARD -> {
        cudnnConvolutionFwdAlgoPerf[] p =
            filled(new cudnnConvolutionFwdAlgoPerf[most], i -> new cudnnConvolutionFwdAlgoPerf());
        cudnn.check(JCudnn.cudnnGetConvolutionForwardAlgorithm_v7(cudnn.handle(), image, weight, convolution, output,
            most, found, p), "cudnnGetConvolutionForwardAlgorithm_v7");
        yield list(p, found[0], a -> new Candidate(a.algo, a.status, a.determinism, a.memory));
      }
      case GRAD_INPUT -> {
        cudnnConvolutionBwdDataAlgoPerf[] p =
            filled(new cudnnConvolutionBwdDataAlgoPerf[most], i -> new cudnnConvolutionBwdDataAlgoPerf());
        cudnn.check(
            JCudnn.cudnnGetConvolutionBackwardDataAlgorithm_v7(cudnn.handle(), weight, output, convolution, image,
                most, found, p),
            "cudnnGetConvolutionBackwardDataAlgorithm_v7");
        yield list(p, found[0], a -> new Candidate(a.algo, a.status, a.determinism, a.memory));
      }
      case GRAD_WEIGHT -> {
        cudnnConvolutionBwdFilterAlgoPerf[] p =
            filled(new cudnnConvolutionBwdFilterAlgoPerf[most],
                i -> new cudnnConvolutionBwdFilterAlgoPerf());
        cudnn.check(
            JCudnn.cudnnGetConvolutionBackwardFilterAlgorithm_v7(cudnn.handle(), image, output, convolution, weight,
                most, found, p),
            "cudnnGetConvolutionBackwardFilterAlgorithm_v7");
        yield list(p, found[0], a -> new Candidate(a.algo, a.status, a.determinism, a.memory));
      }
    };
  }

  private static <P> P[] filled(P[] slots, IntFunction<P> make) {
    Arrays.setAll(slots, make);
    return slots;
  }

  private static <P> List<Candidate> list(P[] slots, int found, Function<P, Candidate> read) {
    List<Candidate> r = new ArrayList<>();
    for (int i = 0; i < found; i++) {
      r.add(read.apply(slots[i]));
    }
    return r;
  }

  /** What the heuristics promise may be less than the call wants. */
  private long workspace(int number) {
    long[] bytes = new long[1];
    switch (key.direction) {
      case FORWARD ->
          cudnn.check(JCudnn.cudnnGetConvolutionForwardWorkspaceSize(cudnn.handle(), image, weight, convolution,
              output, number, bytes), "cudnnGetConvolutionForwardWorkspaceSize");
      case GRAD_INPUT -> cudnn.check(JCudnn.cudnnGetConvolutionBackwardDataWorkspaceSize(cudnn.handle(), weight, output,
          convolution, image, number, bytes), "cudnnGetConvolutionBackwardDataWorkspaceSize");
      case GRAD_WEIGHT ->
          cudnn.check(JCudnn.cudnnGetConvolutionBackwardFilterWorkspaceSize(cudnn.handle(), image, output,
              convolution, weight, number, bytes), "cudnnGetConvolutionBackwardFilterWorkspaceSize");
    }
    return bytes[0];
  }

  /** Computes the operand that the direction names from the other two. */
  void run(Pointer x, Pointer w, Pointer y, Pointer scratch) {
    switch (key.direction) {
      case FORWARD ->
          cudnn.check(JCudnn.cudnnConvolutionForward(cudnn.handle(), Cudnn.ONE, image, x, weight, w, convolution,
              algorithm.number, scratch, algorithm.workspace, Cudnn.ZERO, output, y), "cudnnConvolutionForward");
      case GRAD_INPUT -> cudnn.check(
          JCudnn.cudnnConvolutionBackwardData(cudnn.handle(), Cudnn.ONE, weight, w, output, y,
              convolution, algorithm.number, scratch, algorithm.workspace, Cudnn.ZERO, image, x),
          "cudnnConvolutionBackwardData");
      case GRAD_WEIGHT -> cudnn.check(
          JCudnn.cudnnConvolutionBackwardFilter(cudnn.handle(), Cudnn.ONE, image, x, output, y,
              convolution, algorithm.number, scratch, algorithm.workspace, Cudnn.ZERO, weight, w),
          "cudnnConvolutionBackwardFilter");
    }
    Reference.reachabilityFence(this);
  }
}
