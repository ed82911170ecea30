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

/**
 * A convolution in one direction on operands of certain layouts: descriptors, and the algorithm that cuDNN thinks fastest, or, with
 * {@code -Dtandem.cuda.search=true}, found fastest when it tried them all.
 */
final class ConvolutionPlan {
  /**
   * Whether algorithms are tried, which takes a while for each new shape and memory for a second set of operands. Which one wins may
   * differ from run to run, and with it the last bits of a sum.
   */
  private static final boolean SEARCH = Boolean.getBoolean("tandem.cuda.search");
  private static final int CROSS_CORRELATION = 1;
  private static final int DETERMINISTIC = 1;
  private static final int NONE = -1;
  private static final int MOST_CANDIDATES = 10;
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
    /** The output. Algorithms IMPLICIT_GEMM, IMPLICIT_PRECOMP_GEMM and GEMM; WINOGRAD and WINOGRAD_NONFUSED. */
    FORWARD("Forward", Set.of(0, 1, 2), Set.of(6, 7)),
    /** The gradient of the image. Algorithms 0 and 1; WINOGRAD and WINOGRAD_NONFUSED. */
    GRAD_INPUT("BackwardData", Set.of(0, 1), Set.of(4, 5)),
    /** The gradient of the weight. Algorithms 0, 1 and 3; WINOGRAD_NONFUSED. */
    GRAD_WEIGHT("BackwardFilter", Set.of(0, 1, 3), Set.of(5));

    /** As cuDNN names it in its calls. */
    private final String call;
    /** Algorithms that add up products of elements; cuDNN says which of them do it in any order, and those are left out. */
    private final Set<Integer> sums;
    /**
     * Algorithms by Winograd's transform. They are less exact than an F32 sum, and spread a NaN over elements that it does not
     * belong to, so that fp32 has no use for them; beside the rounding of operands to TF32 that is little. (Lavin and Gray, Fast
     * algorithms for convolutional neural networks, CVPR 2016.) Fourier transforms are never used: their error follows the largest
     * element of a tile, however small a sum is.
     */
    private final Set<Integer> transforms;

    Direction(String call, Set<Integer> sums, Set<Integer> transforms) {
      this.call = call;
      this.sums = sums;
      this.transforms = transforms;
    }

    private boolean allows(int algorithm, Arithmetic arithmetic) {
      return sums.contains(algorithm) || arithmetic == Arithmetic.TF32 && transforms.contains(algorithm);
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

  /** What a plan depends on. All operands are dense in {@code format} and of the type of {@code arithmetic}. */
  record Key(Direction direction, ConvGeometry geometry, Format format, Arithmetic arithmetic, Shape image,
      Shape weight,
      Shape output) {
  }

  /** An algorithm of cuDNN's and the bytes it works in. */
  private record Algorithm(int number, long workspace) {
  }

  /** What cuDNN says of an algorithm, which it means to run with the given math type. */
  private record Candidate(int number, int status, int determinism, long memory, int mathType) {
  }

  /** @param search whether algorithms are timed */
  ConvolutionPlan(Cudnn cudnn, Key key, boolean search) {
    this.cudnn = cudnn;
    this.key = key;
    cudnnTensorDescriptor x = cudnn.tensor(key.arithmetic.cudnnType(), key.format.of(key.image));
    cudnnTensorDescriptor y = cudnn.tensor(key.arithmetic.cudnnType(), key.format.of(key.output));
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
    cudnn.check(JCudnn.cudnnSetFilter4dDescriptor(w, key.arithmetic.cudnnType(), key.format.number, s.dim(0), s.dim(1),
        s.dim(2), s.dim(3)), "cudnnSetFilter4dDescriptor");
    cudnn.check(JCudnn.cudnnCreateConvolutionDescriptor(c), "cudnnCreateConvolutionDescriptor");
    cudnn.check(JCudnn.cudnnSetConvolution2dDescriptor(c, g.paddingH(), g.paddingW(), g.strideH(), g.strideW(),
        g.dilationH(), g.dilationW(), CROSS_CORRELATION, Cudnn.FLOAT), "cudnnSetConvolution2dDescriptor");
    cudnn.check(JCudnn.cudnnSetConvolutionGroupCount(c, g.groups()), "cudnnSetConvolutionGroupCount");
    setMathType(key.arithmetic.cudnnMath());
    algorithm = choose(search);
  }

  /** Of operands dense in {@code key}'s format; empty if cuDNN has no algorithm for it. */
  static Optional<ConvolutionPlan> of(Cudnn cudnn, Key key) {
    ConvolutionPlan plan = cudnn.plan(key, ConvolutionPlan.class, () -> new ConvolutionPlan(cudnn, key, SEARCH));
    return plan.algorithm.number == NONE ? Optional.empty() : Optional.of(plan);
  }

  /** cuDNN's number of the algorithm for this direction; -1 if it has none. */
  int algorithm() {
    return algorithm.number;
  }

  /** Bytes of scratch memory that {@link #run} wants. */
  long workspace() {
    return algorithm.workspace;
  }

  private void setMathType(int type) {
    cudnn.check(JCudnn.cudnnSetConvolutionMathType(convolution, type), "cudnnSetConvolutionMathType");
  }

  private Algorithm choose(boolean search) {
    List<Candidate> possible = offered(search).stream().filter(this::isAllowed).toList();
    Optional<Candidate> chosen = possible.stream().filter(c -> c.memory <= LARGEST_WORKSPACE).findFirst()
        .or(() -> possible.stream().min(Comparator.comparingLong(Candidate::memory)));
    if (chosen.isEmpty()) {
      return new Algorithm(NONE, 0);
    }
    int number = chosen.get().number;
    if (key.arithmetic.usesTensorCores()) {
      // cuDNN chooses a pair of algorithm and math type; with another math type the same algorithm may be a slow one.
      setMathType(chosen.get().mathType);
    }
    long[] bytes = new long[1];
    cudnn.check(workspace(number, bytes), "cudnnGetConvolution" + key.direction.call + "WorkspaceSize");
    return new Algorithm(number, bytes[0]);
  }

  private boolean isAllowed(Candidate c) {
    return c.status == 0 && c.determinism == DETERMINISTIC && key.direction.allows(c.number, key.arithmetic);
  }

  private List<Candidate> offered(boolean search) {
    List<Candidate> timed = search ? listed(true) : List.of();
    // A search that failed, mostly for want of memory, is no reason to fail.
    return timed.stream().anyMatch(this::isAllowed) ? timed : listed(false);
  }

  /** Fastest first; none if cuDNN does not take such operands. */
  private List<Candidate> listed(boolean search) {
    try {
      return candidates(search);
    } catch (ArrayIndexOutOfBoundsException e) {
      // After a refused call the binding reads a number of algorithms that nobody has written. This call tells the reason.
      int status = workspace(Collections.min(key.direction.sums), new long[1]);
      if (!search && !Cudnn.isNotOffered(status)) {
        cudnn.check(status, "cudnnGetConvolution" + key.direction.call + "WorkspaceSize");
      }
      return List.of();
    }
  }

  /** By cuDNN's heuristics, which run nothing, or by the time each takes in memory that cuDNN allocates for that. */
  private List<Candidate> candidates(boolean search) {
    int[] found = new int[1];
    return switch (key.direction) {
      case FORWARD -> {
        cudnnConvolutionFwdAlgoPerf[] p =
            filled(new cudnnConvolutionFwdAlgoPerf[MOST_CANDIDATES], i -> new cudnnConvolutionFwdAlgoPerf());
        int status = search
            ? JCudnn.cudnnFindConvolutionForwardAlgorithm(cudnn.handle(), image, weight, convolution, output,
                MOST_CANDIDATES, found, p)
            : JCudnn.cudnnGetConvolutionForwardAlgorithm_v7(cudnn.handle(), image, weight, convolution, output,
                MOST_CANDIDATES, found, p);
        yield list(status, search, p, found[0],
            a -> new Candidate(a.algo, a.status, a.determinism, a.memory, a.mathType));
      }
      case GRAD_INPUT -> {
        cudnnConvolutionBwdDataAlgoPerf[] p =
            filled(new cudnnConvolutionBwdDataAlgoPerf[MOST_CANDIDATES], i -> new cudnnConvolutionBwdDataAlgoPerf());
        int status = search
            ? JCudnn.cudnnFindConvolutionBackwardDataAlgorithm(cudnn.handle(), weight, output, convolution, image,
                MOST_CANDIDATES, found, p)
            : JCudnn.cudnnGetConvolutionBackwardDataAlgorithm_v7(cudnn.handle(), weight, output, convolution, image,
                MOST_CANDIDATES, found, p);
        yield list(status, search, p, found[0],
            a -> new Candidate(a.algo, a.status, a.determinism, a.memory, a.mathType));
      }
      case GRAD_WEIGHT -> {
        cudnnConvolutionBwdFilterAlgoPerf[] p =
            filled(new cudnnConvolutionBwdFilterAlgoPerf[MOST_CANDIDATES],
                i -> new cudnnConvolutionBwdFilterAlgoPerf());
        int status = search
            ? JCudnn.cudnnFindConvolutionBackwardFilterAlgorithm(cudnn.handle(), image, output, convolution, weight,
                MOST_CANDIDATES, found, p)
            : JCudnn.cudnnGetConvolutionBackwardFilterAlgorithm_v7(cudnn.handle(), image, output, convolution, weight,
                MOST_CANDIDATES, found, p);
        yield list(status, search, p, found[0],
            a -> new Candidate(a.algo, a.status, a.determinism, a.memory, a.mathType));
      }
    };
  }

  private static <P> P[] filled(P[] slots, IntFunction<P> make) {
    Arrays.setAll(slots, make);
    return slots;
  }

  private <P> List<Candidate> list(int status, boolean search, P[] slots, int found, Function<P, Candidate> read) {
    if (status != 0 && (search || Cudnn.isNotOffered(status))) {
      return List.of();
    }
    cudnn.check(status, "cudnnGetConvolution" + key.direction.call + "Algorithm_v7");
    List<Candidate> r = new ArrayList<>();
    for (int i = 0; i < found; i++) {
      r.add(read.apply(slots[i]));
    }
    return r;
  }

  /** What the heuristics promise may be less than the call wants. */
  private int workspace(int number, long[] bytes) {
    return switch (key.direction) {
      case FORWARD -> JCudnn.cudnnGetConvolutionForwardWorkspaceSize(cudnn.handle(), image, weight, convolution, output,
          number, bytes);
      case GRAD_INPUT ->
          JCudnn.cudnnGetConvolutionBackwardDataWorkspaceSize(cudnn.handle(), weight, output, convolution,
              image, number, bytes);
      case GRAD_WEIGHT -> JCudnn.cudnnGetConvolutionBackwardFilterWorkspaceSize(cudnn.handle(), image, output,
          convolution, weight, number, bytes);
    };
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
