package dev.tandem.cuda;

import dev.tandem.core.op.Recurrent;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import jcuda.Pointer;
import jcuda.jcudnn.JCudnn;
import jcuda.jcudnn.cudnnDropoutDescriptor;
import jcuda.jcudnn.cudnnRNNDataDescriptor;
import jcuda.jcudnn.cudnnRNNDescriptor;
import jcuda.jcudnn.cudnnTensorDescriptor;

/**
 * One layer of recurrent cells in one direction over sequences of one length, as cuDNN runs it: its descriptors, how much memory it
 * works in, and where each matrix lies among its weights.
 */
final class RecurrentPlan {
  private static final int INFERENCE = 0;
  private static final int TRAINING = 1;
  private static final int ADD_TO_GRADIENT = 0;
  private static final int STANDARD_ALGORITHM = 0;
  private static final int TWO_BIASES = 2;
  private static final int ONE_DIRECTION = 0;
  private static final int LINEAR_INPUT = 0;
  private static final int PADDED_SEQUENCES = 1;
  private static final int STEPS_FIRST = 0;

  private final Cudnn cudnn;
  private final CudaContext context;
  private final cudnnRNNDescriptor network;
  private final cudnnRNNDataDescriptor x;
  private final cudnnRNNDataDescriptor y;
  private final cudnnTensorDescriptor state;
  private final long weightBytes;
  private final long inferenceBytes;
  private final long trainingBytes;
  private final long reserveBytes;
  private final List<List<Segment>> segments;

  /** @param inputs I: features of a step */
  record Key(Recurrent.Cell cell, int steps, int sequences, int inputs, int hidden, Arithmetic arithmetic) {
  }

  /** Rows of one of the four operands weightIh, weightHh, biasIh, biasHh that lie together among cuDNN's weights.
   *
   * @param at bytes from the start of the weights
   */
  record Segment(int row, int rows, long at) {
  }

  /** Device addresses of what a sequence is computed from and to; 0 for what the cell does not have or nobody wants. */
  record States(long x, long y, long h0, long hN, long c0, long cN) {
  }

  private RecurrentPlan(Cudnn cudnn, CudaContext context, Key key) {
    this.cudnn = cudnn;
    this.context = context;
    cudnnDropoutDescriptor dropout = new cudnnDropoutDescriptor();
    cudnnRNNDescriptor r = new cudnnRNNDescriptor();
    cudnnRNNDataDescriptor in = new cudnnRNNDataDescriptor();
    cudnnRNNDataDescriptor out = new cudnnRNNDataDescriptor();
    cudnnTensorDescriptor s = new cudnnTensorDescriptor();
    Cudnn.destroyWith(this, () -> {
      JCudnn.cudnnDestroyRNNDescriptor(r);
      JCudnn.cudnnDestroyDropoutDescriptor(dropout);
      JCudnn.cudnnDestroyRNNDataDescriptor(in);
      JCudnn.cudnnDestroyRNNDataDescriptor(out);
      JCudnn.cudnnDestroyTensorDescriptor(s);
    });
    network = r;
    x = in;
    y = out;
    state = s;
    cudnn.check(JCudnn.cudnnCreateDropoutDescriptor(dropout), "cudnnCreateDropoutDescriptor");
    cudnn.check(JCudnn.cudnnSetDropoutDescriptor(dropout, cudnn.handle(), 0, new RawPointer(), 0, 0),
        "cudnnSetDropoutDescriptor");
    cudnn.check(JCudnn.cudnnCreateRNNDescriptor(r), "cudnnCreateRNNDescriptor");
    cudnn.check(JCudnn.cudnnSetRNNDescriptor_v8(r, STANDARD_ALGORITHM, mode(key.cell), TWO_BIASES, ONE_DIRECTION,
        LINEAR_INPUT, Cudnn.FLOAT, Cudnn.FLOAT, key.arithmetic.cudnnMath(), key.inputs, key.hidden, key.hidden, 1,
        dropout, PADDED_SEQUENCES), "cudnnSetRNNDescriptor_v8");
    describe(in, key, key.inputs);
    describe(out, key, key.hidden);
    cudnn.check(JCudnn.cudnnCreateTensorDescriptor(s), "cudnnCreateTensorDescriptor");
    cudnn.check(JCudnn.cudnnSetTensorNdDescriptor(s, Cudnn.FLOAT, 3, new int[] {1, key.sequences, key.hidden},
        new int[] {key.sequences * key.hidden, key.hidden, 1}), "cudnnSetTensorNdDescriptor");
    long[] bytes = new long[1];
    cudnn.check(JCudnn.cudnnGetRNNWeightSpaceSize(cudnn.handle(), r, bytes), "cudnnGetRNNWeightSpaceSize");
    weightBytes = bytes[0];
    long[] reserve = new long[1];
    inferenceBytes = workspace(INFERENCE, reserve);
    trainingBytes = workspace(TRAINING, reserve);
    reserveBytes = reserve[0];
    long space = context.allocate(weightBytes);
    try {
      segments = segments(key, space);
    } finally {
      context.release(space);
    }
  }

  static RecurrentPlan of(CudaContext context, Key key) {
    Cudnn cudnn = Cudnn.of(context);
    return cudnn.plan(key, RecurrentPlan.class, () -> new RecurrentPlan(cudnn, context, key));
  }

  private static int mode(Recurrent.Cell cell) {
    return switch (cell) {
      case RNN_RELU -> 0;
      case RNN_TANH -> 1;
      case LSTM -> 2;
      case GRU -> 3;
      case GRU_RESET_BEFORE -> throw new IllegalArgumentException("cuDNN has no " + cell);
    };
  }

  private void describe(cudnnRNNDataDescriptor d, Key key, int features) {
    int[] lengths = new int[key.sequences];
    Arrays.fill(lengths, key.steps);
    cudnn.check(JCudnn.cudnnCreateRNNDataDescriptor(d), "cudnnCreateRNNDataDescriptor");
    cudnn.check(JCudnn.cudnnSetRNNDataDescriptor(d, Cudnn.FLOAT, STEPS_FIRST, key.steps, key.sequences, features,
        lengths, new RawPointer()), "cudnnSetRNNDataDescriptor");
  }

  private long workspace(int mode, long[] reserve) {
    long[] bytes = new long[1];
    cudnn.check(JCudnn.cudnnGetRNNTempSpaceSizes(cudnn.handle(), network, mode, x, bytes, reserve),
        "cudnnGetRNNTempSpaceSizes");
    return bytes[0];
  }

  /** cuDNN numbers its matrices, and the biases beside them: those of the input by gate, then those of the state by gate, in the order
   * of {@link Recurrent.Cell}.
   *
   * @param space the address of as much memory as the weights want
   */
  private List<List<Segment>> segments(Key key, long space) {
    int gates = key.cell.gates();
    List<List<Segment>> found = List.of(new ArrayList<>(), new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
    cudnnTensorDescriptor matrixShape = new cudnnTensorDescriptor();
    cudnnTensorDescriptor biasShape = new cudnnTensorDescriptor();
    cudnn.check(JCudnn.cudnnCreateTensorDescriptor(matrixShape), "cudnnCreateTensorDescriptor");
    cudnn.check(JCudnn.cudnnCreateTensorDescriptor(biasShape), "cudnnCreateTensorDescriptor");
    for (int id = 0; id < 2 * gates; id++) {
      RawPointer matrix = new RawPointer();
      RawPointer bias = new RawPointer();
      cudnn.check(JCudnn.cudnnGetRNNWeightParams(cudnn.handle(), network, 0, weightBytes, context.pointer(space), id,
          matrixShape, matrix, biasShape, bias), "cudnnGetRNNWeightParams");
      int ofState = id / gates;
      int row = id % gates * key.hidden;
      add(found.get(ofState), row, key.hidden, ofState == 0 ? key.inputs : key.hidden, matrix.value() - space);
      add(found.get(2 + ofState), row, key.hidden, 1, bias.value() - space);
    }
    JCudnn.cudnnDestroyTensorDescriptor(matrixShape);
    JCudnn.cudnnDestroyTensorDescriptor(biasShape);
    return found;
  }

  /** Rows that follow the ones before in cuDNN's memory too are one segment with them. */
  private static void add(List<Segment> segments, int row, int rows, int columns, long at) {
    Segment last = segments.isEmpty() ? null : segments.getLast();
    if (last != null && at == last.at + (long) last.rows * columns * Float.BYTES) {
      segments.removeLast();
      segments.add(new Segment(last.row, last.rows + rows, last.at));
    } else {
      segments.add(new Segment(row, rows, at));
    }
  }

  /** @param operand 0 to 3 for weightIh, weightHh, biasIh, biasHh */
  List<Segment> segments(int operand) {
    return segments.get(operand);
  }

  /** Of all weights together, as cuDNN wants them. */
  long weightBytes() {
    return weightBytes;
  }

  /** Scratch memory for {@link #infer}. */
  long inferenceBytes() {
    return inferenceBytes;
  }

  /** Scratch memory for {@link #train} and {@link #backward}. */
  long trainingBytes() {
    return trainingBytes;
  }

  /** Of what {@link #train} keeps for {@link #backward}. */
  long reserveBytes() {
    return reserveBytes;
  }

  void infer(States s, long weights, long workspace) {
    // The binding wants an address for the reserve even where cuDNN wants none.
    forward(INFERENCE, s, weights, inferenceBytes, workspace, 0, workspace);
  }

  void train(States s, long weights, long workspace, long reserve) {
    forward(TRAINING, s, weights, trainingBytes, workspace, reserveBytes, reserve);
  }

  private void forward(int mode, States s, long weights, long workspaceBytes, long workspace, long reserved,
      long reserve) {
    cudnn.check(JCudnn.cudnnRNNForward(cudnn.handle(), network, mode, at(0), x, at(s.x), y, at(s.y), state, at(s.h0),
        at(s.hN), state, at(s.c0), at(s.cN), weightBytes, at(weights), workspaceBytes, at(workspace), reserved,
        at(reserve)), "cudnnRNNForward");
    Reference.reachabilityFence(this);
  }

  /** After {@link #train}, with what it kept. Gradients of the weights are added to what {@code gradWeights} holds. */
  void backward(States s, States gradients, long weights, long gradWeights, long workspace, long reserve) {
    cudnn.check(JCudnn.cudnnRNNBackwardData_v8(cudnn.handle(), network, at(0), y, at(s.y), at(gradients.y), x,
        at(gradients.x), state, at(s.h0), at(gradients.hN), at(gradients.h0), state, at(s.c0), at(gradients.cN),
        at(gradients.c0), weightBytes, at(weights), trainingBytes, at(workspace), reserveBytes, at(reserve)),
        "cudnnRNNBackwardData_v8");
    cudnn.check(JCudnn.cudnnRNNBackwardWeights_v8(cudnn.handle(), network, ADD_TO_GRADIENT, at(0), x, at(s.x), state,
        at(s.h0), y, at(s.y), weightBytes, at(gradWeights), trainingBytes, at(workspace), reserveBytes, at(reserve)),
        "cudnnRNNBackwardWeights_v8");
    Reference.reachabilityFence(this);
  }

  private Pointer at(long address) {
    return context.pointer(address);
  }
}
