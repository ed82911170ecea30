package dev.tandem.cuda.emulator;

import static dev.tandem.cuda.emulator.Emulator.allocate;
import static dev.tandem.cuda.emulator.Emulator.check;
import static dev.tandem.cuda.emulator.Emulator.download;
import static dev.tandem.cuda.emulator.Emulator.random;
import static dev.tandem.cuda.emulator.Emulator.upload;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import jcuda.Pointer;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.JCudaDriver;
import jcuda.jcudnn.JCudnn;
import jcuda.jcudnn.cudnnConvolutionDescriptor;
import jcuda.jcudnn.cudnnDropoutDescriptor;
import jcuda.jcudnn.cudnnFilterDescriptor;
import jcuda.jcudnn.cudnnHandle;
import jcuda.jcudnn.cudnnRNNDataDescriptor;
import jcuda.jcudnn.cudnnRNNDescriptor;
import jcuda.jcudnn.cudnnTensorDescriptor;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The emulated cuDNN: convolutions against loops and their gradients by the adjoint, recurrent networks by central
 * differences of their own forward pass.
 */
class EmulatorDnnTest {
  private static final Pointer ONE = Pointer.to(new float[] {1});
  private static final Pointer ZERO = Pointer.to(new float[] {0});
  private static final int NCHW = 0;
  private static final int BAD_PARAM = 2000;
  /** fp32 throughout; with the default, 0, a device may round to TF32. */
  private static final int FMA_MATH = 3;
  private final cudnnHandle handle = new cudnnHandle();

  @BeforeEach
  void start() {
    Emulator.start();
    check(JCudnn.cudnnCreate(handle));
  }

  private static cudnnTensorDescriptor tensor(int n, int c, int h, int w) {
    cudnnTensorDescriptor d = new cudnnTensorDescriptor();
    check(JCudnn.cudnnCreateTensorDescriptor(d));
    check(JCudnn.cudnnSetTensor4dDescriptor(d, NCHW, 0, n, c, h, w));
    return d;
  }

  private static double dot(float[] a, float[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += (double) a[i] * b[i];
    }
    return sum;
  }

  private static int outputSize(int size, int kernel, int stride, int padding, int dilation) {
    return (size + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1;
  }

  @ParameterizedTest(name = "groups {0} stride {1} padding {2} dilation {3}")
  @CsvSource({"1, 1, 0, 1", "2, 2, 1, 1", "1, 1, 2, 2", "4, 3, 1, 2"})
  void convolutionsAgreeWithLoopsAndTheirGradientsAreTheAdjoint(int groups, int stride, int padding, int dilation) {
    int n = 2;
    int c = 4;
    int k = 4;
    int h = 9;
    int w = 11;
    int r = 3;
    int s = 2;
    int cg = c / groups;
    int p = outputSize(h, r, stride, padding, dilation);
    int q = outputSize(w, s, stride, padding, dilation);
    float[] x = random(1, n * c * h * w);
    float[] weight = random(2, k * cg * r * s);
    float[] dy = random(3, n * k * p * q);
    cudnnTensorDescriptor xd = tensor(n, c, h, w);
    cudnnTensorDescriptor yd = tensor(n, k, p, q);
    cudnnFilterDescriptor wd = new cudnnFilterDescriptor();
    check(JCudnn.cudnnCreateFilterDescriptor(wd));
    check(JCudnn.cudnnSetFilter4dDescriptor(wd, 0, NCHW, k, cg, r, s));
    cudnnConvolutionDescriptor cd = new cudnnConvolutionDescriptor();
    check(JCudnn.cudnnCreateConvolutionDescriptor(cd));
    check(JCudnn.cudnnSetConvolution2dDescriptor(cd, padding, padding, stride, stride, dilation, dilation, 1, 0));
    check(JCudnn.cudnnSetConvolutionGroupCount(cd, groups));
    check(JCudnn.cudnnSetConvolutionMathType(cd, FMA_MATH));
    long[] bytes = new long[1];
    check(JCudnn.cudnnGetConvolutionForwardWorkspaceSize(handle, xd, wd, cd, yd, 1, bytes));
    CUdeviceptr workspace = allocate(bytes[0]);
    CUdeviceptr px = upload(x);
    CUdeviceptr pw = upload(weight);
    CUdeviceptr pdy = upload(dy);
    CUdeviceptr y = allocate(4L * dy.length);
    CUdeviceptr dx = allocate(4L * x.length);
    CUdeviceptr dw = allocate(4L * weight.length);
    assertThat(JCudnn.cudnnConvolutionForward(handle, ONE, xd, px, wd, pw, cd, 1, new Pointer(), 0, ZERO, yd, y))
        .as("without the workspace it asked for").isEqualTo(BAD_PARAM);
    check(JCudnn.cudnnConvolutionForward(handle, ONE, xd, px, wd, pw, cd, 1, workspace, bytes[0], ZERO, yd, y));
    check(JCudnn.cudnnConvolutionBackwardData(handle, ONE, wd, pw, yd, pdy, cd, 1, workspace, bytes[0], ZERO, xd, dx));
    check(JCudnn.cudnnConvolutionBackwardFilter(handle, ONE, xd, px, yd, pdy, cd, 1, workspace, bytes[0], ZERO, wd,
        dw));
    float[] got = download(y, dy.length);
    for (int i = 0; i < got.length; i++) {
      int column = i % q;
      int row = i / q % p;
      int channel = i / q / p % k;
      int item = i / q / p / k;
      double sum = 0;
      for (int t = 0; t < cg * r * s; t++) {
        int iy = row * stride - padding + t / s % r * dilation;
        int ix = column * stride - padding + t % s * dilation;
        int in = channel / (k / groups) * cg + t / s / r;
        if (iy >= 0 && iy < h && ix >= 0 && ix < w) {
          sum += (double) x[((item * c + in) * h + iy) * w + ix] * weight[channel * cg * r * s + t];
        }
      }
      assertThat((double) got[i]).isEqualTo(sum, within(5e-6));
    }
    double product = dot(got, dy);
    assertThat(dot(x, download(dx, x.length))).isEqualTo(product, within(1e-4));
    assertThat(dot(weight, download(dw, weight.length))).isEqualTo(product, within(1e-4));
  }

  /** A network of two layers over a batch of sequences of different lengths, with a workspace of its own. */
  private final class Network {
    static final int INPUT = 3;
    static final int HIDDEN = 4;
    static final int TIME = 5;
    static final int BATCH = 3;
    static final int LAYERS = 2;
    final int[] lengths = {5, 3, 1};
    final int directions;
    final cudnnRNNDescriptor rnn = new cudnnRNNDescriptor();
    final cudnnRNNDataDescriptor xd = new cudnnRNNDataDescriptor();
    final cudnnRNNDataDescriptor yd = new cudnnRNNDataDescriptor();
    final cudnnTensorDescriptor hd = new cudnnTensorDescriptor();
    final long[] weightBytes = new long[1];
    final long[] workspaceBytes = new long[1];
    final long[] reserveBytes = new long[1];
    final CUdeviceptr deviceLengths = allocate(4L * BATCH);
    final CUdeviceptr workspace;
    final CUdeviceptr reserve;
    final int outputs;
    final int states;

    Network(int cell, boolean bidirectional) {
      directions = bidirectional ? 2 : 1;
      outputs = TIME * BATCH * HIDDEN * directions;
      states = LAYERS * directions * BATCH * HIDDEN;
      check(JCudaDriver.cuMemcpyHtoD(deviceLengths, Pointer.to(lengths), 4L * BATCH));
      cudnnDropoutDescriptor dropout = new cudnnDropoutDescriptor();
      check(JCudnn.cudnnCreateDropoutDescriptor(dropout));
      check(JCudnn.cudnnSetDropoutDescriptor(dropout, handle, 0, new Pointer(), 0, 0));
      check(JCudnn.cudnnCreateRNNDescriptor(rnn));
      check(JCudnn.cudnnSetRNNDescriptor_v8(rnn, 0, cell, 2, directions - 1, 0, 0, 0, FMA_MATH, INPUT, HIDDEN, HIDDEN,
          LAYERS, dropout, 1));
      check(JCudnn.cudnnCreateRNNDataDescriptor(xd));
      check(JCudnn.cudnnCreateRNNDataDescriptor(yd));
      check(JCudnn.cudnnSetRNNDataDescriptor(xd, 0, 0, TIME, BATCH, INPUT, lengths, new Pointer()));
      check(JCudnn.cudnnSetRNNDataDescriptor(yd, 0, 0, TIME, BATCH, HIDDEN * directions, lengths, new Pointer()));
      check(JCudnn.cudnnCreateTensorDescriptor(hd));
      check(JCudnn.cudnnSetTensorNdDescriptor(hd, 0, 3, new int[] {LAYERS * directions, BATCH, HIDDEN},
          new int[] {BATCH * HIDDEN, HIDDEN, 1}));
      check(JCudnn.cudnnGetRNNWeightSpaceSize(handle, rnn, weightBytes));
      check(JCudnn.cudnnGetRNNTempSpaceSizes(handle, rnn, 1, xd, workspaceBytes, reserveBytes));
      workspace = allocate(workspaceBytes[0]);
      reserve = allocate(reserveBytes[0]);
    }

    int weights() {
      return (int) (weightBytes[0] / 4);
    }

    CUdeviceptr forward(float[] x, float[] w, float[] h) {
      CUdeviceptr y = upload(new float[outputs]);
      check(JCudnn.cudnnRNNForward(handle, rnn, 1, deviceLengths, xd, upload(x), yd, y, hd, upload(h),
          allocate(4L * states), hd, upload(h), allocate(4L * states), weightBytes[0], upload(w), workspaceBytes[0],
          workspace, reserveBytes[0], reserve));
      return y;
    }
  }

  @ParameterizedTest(name = "cell {0} bidirectional {1}")
  @CsvSource({"1, false", "2, false", "2, true", "3, false", "3, true"})
  void gradientsOfRecurrentNetworksAreTheSlopesOfTheirOutputs(int cell, boolean bidirectional) {
    Network net = new Network(cell, bidirectional);
    float[] x = random(1, Network.TIME * Network.BATCH * Network.INPUT);
    float[] w = random(2, net.weights());
    float[] h = random(3, net.states);
    float[] dy = random(4, net.outputs);
    float[] direction = random(5, w.length);
    for (int i = 0; i < w.length; i++) {
      w[i] *= 0.5f;
    }

    CUdeviceptr y = net.forward(x, w, h);
    CUdeviceptr dx = upload(new float[x.length]);
    CUdeviceptr dh = allocate(4L * net.states);
    CUdeviceptr dw = upload(new float[w.length]);
    CUdeviceptr none = upload(new float[net.states]);
    check(JCudnn.cudnnRNNBackwardData_v8(handle, net.rnn, net.deviceLengths, net.yd, y, upload(dy), net.xd, dx, net.hd,
        upload(h), none, dh, net.hd, upload(h), none, allocate(4L * net.states), net.weightBytes[0], upload(w),
        net.workspaceBytes[0], net.workspace, net.reserveBytes[0], net.reserve));
    check(JCudnn.cudnnRNNBackwardWeights_v8(handle, net.rnn, 0, net.deviceLengths, net.xd, upload(x), net.hd, upload(h),
        net.yd, y, net.weightBytes[0], dw, net.workspaceBytes[0], net.workspace, net.reserveBytes[0], net.reserve));

    float[] slopes = download(dw, w.length);
    assertThat(slope(net, w, direction, v -> net.forward(x, v, h), dy)).isEqualTo(dot(slopes, direction),
        within(5e-3));
    float[] inputs = random(6, x.length);
    assertThat(slope(net, x, inputs, v -> net.forward(v, w, h), dy)).isEqualTo(dot(download(dx, x.length), inputs),
        within(5e-3));
  }

  /**
   * The central difference of {@code dy} times the output along a direction. With a step of 2^-7 the rounding of the
   * sums, some 1e-6, is divided by 1.6e-2, and the step's square times a third derivative of order 10 adds 1e-3.
   */
  private static double slope(Network net, float[] at, float[] direction,
      java.util.function.Function<float[], CUdeviceptr> run, float[] dy) {
    float step = 0x1p-7f;
    float[] plus = at.clone();
    float[] minus = at.clone();
    for (int i = 0; i < at.length; i++) {
      plus[i] += step * direction[i];
      minus[i] -= step * direction[i];
    }
    double up = dot(download(run.apply(plus), net.outputs), dy);
    double down = dot(download(run.apply(minus), net.outputs), dy);
    return (up - down) / (2 * step);
  }

  @Test
  void lengthsOnTheDeviceMustBeThoseOfTheDescriptor() {
    Network net = new Network(2, false);
    check(JCudaDriver.cuMemcpyHtoD(net.deviceLengths, Pointer.to(new int[] {5, 3, 2}), 12));
    net.forward(random(1, Network.TIME * Network.BATCH * Network.INPUT), random(2, net.weights()),
        new float[net.states]);
    assertThat(JCudaDriver.cuCtxSynchronize()).isEqualTo(700);
    assertThat(Emulator.meaning(700)).contains("devSeqLengths differ");
  }
}
