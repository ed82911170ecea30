package dev.tandem.core.testing;

import dev.tandem.core.backend.Call;
import dev.tandem.core.op.Normalize;
import dev.tandem.core.op.NormalizeGrad;
import dev.tandem.core.op.Precision;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.Shape;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

/** Normalisation over every choice of axes that layers make, skipped where a backend leaves it to core. */
abstract class NormalizeContract extends Contract {
  private static final int[] SIZES = {1, 2, 7, 8, 15, 16, 17, 31, 33, 100, 1000};

  private void assumeClaimed() {
    Assumptions.assumeTrue(
        backend().supports(new Normalize(List.of(0), 1e-5, true))
            || backend().supports(new NormalizeGrad(new Normalize(List.of(0), 1e-5, true))),
        () -> backend().name() + " claims no normalisation");
  }

  /** Forward, and backward from the oracle's statistics, so that errors do not add up. */
  private void both(Trial t, Normalize op, Trial.Slot x, int[] weightDims, Arrangement to) {
    List<Trial.Slot> in = new ArrayList<>(List.of(x));
    if (op.affine()) {
      in.add(t.slot(DType.F32, Arrangement.CONTIGUOUS, weightDims));
      in.add(t.slot(DType.F32, Arrangement.CONTIGUOUS, weightDims));
    }
    List<Trial.Slot> out = t.outputs(op, to, in);
    if (backend().supports(op)) {
      t.within(op, in, out, forwardBounds(t, op, in));
    } else {
      ORACLE.execute(new Call(op, in.stream().map(Trial.Slot::oracleOperand).toList(),
          out.stream().map(Trial.Slot::oracleOperand).toList(), null));
    }
    NormalizeGrad grad = new NormalizeGrad(op);
    if (backend().supports(grad)) {
      List<Trial.Slot> reads = new ArrayList<>(in.subList(0, op.affine() ? 2 : 1));
      for (int k = 1; k <= 2; k++) {
        double[] v = t.values(out.get(k));
        for (int i = 0; i < v.length; i++) {
          v[i] = (float) v[i];
        }
        reads.add(t.slot(DType.F32, v, Arrangement.CONTIGUOUS, out.get(k).shape().dims()));
      }
      reads.add(t.slot(x.dtype(), to, x.shape().dims()));
      t.within(grad, reads, t.outputs(grad, to, reads), backwardBounds(t, op, reads));
    }
  }

  /** A sum may be wrong by {@code 4 u (sqrt(n) + 2)} of the sum of its magnitudes, as in {@link Trial#reduce}. */
  private static double sumError(double n) {
    return 4 * Trial.UNIT * (Math.sqrt(n) + 2);
  }

  /**
   * An error e of the mean changes every deviation by e, and the variance by at most {@code e² + 2 e} times the mean deviation;
   * a relative error of the variance counts half in its root.
   */
  private static List<double[]> forwardBounds(Trial t, Normalize op, List<Trial.Slot> in) {
    Shape full = in.get(0).shape();
    Shape reduced = full.reduced(op.axes());
    double[] x = t.values(in.get(0));
    int groups = Math.toIntExact(reduced.size());
    double n = (double) x.length / Math.max(1, groups);
    double[] mean = new double[groups];
    double[] magnitude = new double[groups];
    double[] spread = new double[groups];
    double[] variance = new double[groups];
    for (int i = 0; i < x.length; i++) {
      int s = ReferenceNormalize.at(i, full, reduced);
      mean[s] += x[i] / n;
      magnitude[s] += Math.abs(x[i]) / n;
    }
    for (int i = 0; i < x.length; i++) {
      int s = ReferenceNormalize.at(i, full, reduced);
      double d = x[i] - mean[s];
      spread[s] += Math.abs(d) / n;
      variance[s] += d * d / n;
    }
    double[] meanError = new double[groups];
    double[] varianceError = new double[groups];
    for (int s = 0; s < groups; s++) {
      meanError[s] = sumError(n) * magnitude[s];
      varianceError[s] =
          (sumError(n) + 8 * Trial.UNIT) * variance[s] + meanError[s] * (meanError[s] + 2 * spread[s]);
    }
    double[] yError = new double[x.length];
    for (int i = 0; i < x.length; i++) {
      int s = ReferenceNormalize.at(i, full, reduced);
      double d = Math.abs(x[i] - mean[s]);
      double root = Math.sqrt(variance[s] + op.eps());
      double z = d / root;
      double zError = meanError[s] / root + z * (varianceError[s] / (2 * root * root) + 8 * Trial.UNIT);
      double w = op.affine() ? weight(t, in.get(1), full, i) : 1;
      double b = op.affine() ? weight(t, in.get(2), full, i) : 0;
      yError[i] = 2 * Math.abs(w) * zError + 4 * Trial.UNIT * (Math.abs(w) * z + Math.abs(b)) + Float.MIN_NORMAL;
    }
    return List.of(yError, meanError, varianceError);
  }

  private static List<double[]> backwardBounds(Trial t, Normalize op, List<Trial.Slot> in) {
    Shape full = in.get(0).shape();
    Shape reduced = full.reduced(op.axes());
    int statistics = op.affine() ? 2 : 1;
    double[] x = t.values(in.get(0));
    double[] mean = t.values(in.get(statistics));
    double[] variance = t.values(in.get(statistics + 1));
    double[] g = t.values(in.get(statistics + 2));
    double n = (double) x.length / Math.max(1, mean.length);
    double[] sum = new double[mean.length];
    double[] product = new double[mean.length];
    double[] z = new double[x.length];
    Shape weights = op.affine() ? in.get(1).shape() : Shape.of();
    double[] weightError = new double[Math.toIntExact(weights.size())];
    double[] biasError = new double[weightError.length];
    double repeats = (double) x.length / Math.max(1, weightError.length);
    for (int i = 0; i < x.length; i++) {
      int s = ReferenceNormalize.at(i, full, reduced);
      z[i] = Math.abs(x[i] - mean[s]) / Math.sqrt(variance[s] + op.eps());
      double weighted = Math.abs(g[i]) * (op.affine() ? Math.abs(weight(t, in.get(1), full, i)) : 1);
      sum[s] += weighted;
      product[s] += weighted * z[i];
      if (op.affine()) {
        int w = ReferenceNormalize.at(i, full, weights);
        weightError[w] += Math.abs(g[i]) * z[i] * (sumError(repeats) + 16 * Trial.UNIT);
        biasError[w] += Math.abs(g[i]) * sumError(repeats);
      }
    }
    double[] xError = new double[x.length];
    for (int i = 0; i < x.length; i++) {
      int s = ReferenceNormalize.at(i, full, reduced);
      double weighted = Math.abs(g[i]) * (op.affine() ? Math.abs(weight(t, in.get(1), full, i)) : 1);
      double terms = 16 * Trial.UNIT * weighted
          + (sumError(n) + 32 * Trial.UNIT) * (sum[s] + z[i] * product[s]) / n;
      xError[i] = terms / Math.sqrt(variance[s] + op.eps()) + Float.MIN_NORMAL;
    }
    return op.affine() ? List.of(xError, weightError, biasError) : List.of(xError);
  }

  private static double weight(Trial t, Trial.Slot weight, Shape full, int i) {
    return t.values(weight)[ReferenceNormalize.at(i, full, weight.shape())];
  }

  private Trial.Slot image(Trial t, Arrangement from, int... dims) {
    return t.slot(DType.F32, from, dims);
  }

  @Test
  void channelsOfImages() {
    assumeClaimed();
    Normalize op = new Normalize(List.of(0, 2, 3), 1e-5, true);
    for (int size : new int[] {1, 2, 5, 8, 17, 33}) {
      trial(size, t -> both(t, op, image(t, Arrangement.CONTIGUOUS, 2, size, 3, 5), new int[] {1, size, 1, 1},
          Arrangement.CONTIGUOUS));
      trial(size, t -> both(t, op, image(t, Arrangement.CONTIGUOUS, 3, 2, 4, size), new int[] {1, 2, 1, 1},
          Arrangement.CONTIGUOUS));
    }
  }

  @Test
  void rowsOfEveryLength() {
    assumeClaimed();
    for (int size : SIZES) {
      for (boolean affine : new boolean[] {true, false}) {
        trial(size, t -> both(t, new Normalize(List.of(1), 1e-5, affine),
            image(t, Arrangement.CONTIGUOUS, 5, size), new int[] {1, size}, Arrangement.CONTIGUOUS));
      }
    }
    trial(1, t -> both(t, new Normalize(List.of(1, 2), 1e-5, true), image(t, Arrangement.CONTIGUOUS, 4, 6, 7),
        new int[] {1, 6, 7}, Arrangement.CONTIGUOUS));
    trial(2, t -> both(t, new Normalize(List.of(1), 1e-5, true), image(t, Arrangement.CONTIGUOUS, 0, 6),
        new int[] {1, 6}, Arrangement.CONTIGUOUS));
  }

  /** Statistics of a group of channels, weights of each channel. */
  @Test
  void groupsOfChannels() {
    assumeClaimed();
    trial(3, t -> both(t, new Normalize(List.of(2, 3, 4), 1e-3, true),
        image(t, Arrangement.CONTIGUOUS, 2, 3, 5, 4, 3), new int[] {1, 3, 5, 1, 1}, Arrangement.CONTIGUOUS));
    trial(4, t -> both(t, new Normalize(List.of(2, 3), 1e-5, true),
        image(t, Arrangement.CONTIGUOUS, 2, 7, 4, 3), new int[] {1, 7, 1, 1}, Arrangement.CONTIGUOUS));
  }

  @Test
  void everyLayout() {
    assumeClaimed();
    for (Arrangement from : Arrangement.values()) {
      for (Arrangement to : Arrangement.values()) {
        trial(from.ordinal(), t -> both(t, new Normalize(List.of(0, 2, 3), 1e-5, true),
            image(t, from, 3, 5, 4, 6), new int[] {1, 5, 1, 1}, to));
        trial(from.ordinal(),
            t -> both(t, new Normalize(List.of(1), 1e-5, true), image(t, from, 6, 19), new int[] {1, 19}, to));
      }
    }
  }

  /** x, y and their gradients are BF16, everything else F32. */
  @Test
  void bf16() {
    assumeClaimed();
    assumeSupported(Precision.BF16);
    for (Arrangement a : Arrangement.values()) {
      for (boolean affine : new boolean[] {true, false}) {
        trial(a.ordinal(), t -> both(t, new Normalize(List.of(0, 2, 3), 1e-5, affine),
            t.slot(DType.BF16, a, 3, 5, 4, 6), new int[] {1, 5, 1, 1}, a));
        trial(a.ordinal(), t -> both(t, new Normalize(List.of(1), 1e-5, affine), t.slot(DType.BF16, a, 6, 19),
            new int[] {1, 19}, Arrangement.CONTIGUOUS));
      }
    }
    trial(7, t -> both(t, new Normalize(List.of(2, 3, 4), 1e-3, true),
        t.slot(DType.BF16, Arrangement.CONTIGUOUS, 2, 3, 5, 4, 3), new int[] {1, 3, 5, 1, 1}, Arrangement.CONTIGUOUS));
    trial(8, t -> both(t, new Normalize(List.of(1), 1e-5, true), t.slot(DType.BF16, Arrangement.CONTIGUOUS, 4, 3001),
        new int[] {1, 3001}, Arrangement.CONTIGUOUS));
  }

  /** A variance of E[x²] - E[x]² would have no correct digit here. */
  @Test
  void aLargeMeanLeavesTheVarianceItsDigits() {
    assumeClaimed();
    for (int size : new int[] {16, 33, 1000}) {
      trial(5, t -> {
        double[] x = new double[4 * size];
        for (int i = 0; i < x.length; i++) {
          x[i] = (float) (1e4 + t.random().nextGaussian());
        }
        both(t, new Normalize(List.of(1), 1e-5, true), t.slot(DType.F32, x, Arrangement.CONTIGUOUS, 4, size),
            new int[] {1, size}, Arrangement.CONTIGUOUS);
      });
    }
  }

  /** Equal elements have variance 0 and become the bias. */
  @Test
  void equalElements() {
    assumeClaimed();
    trial(6, t -> both(t, new Normalize(List.of(1), 1e-5, true),
        t.slot(DType.F32, new double[3 * 40], Arrangement.CONTIGUOUS, 3, 40), new int[] {1, 40},
        Arrangement.CONTIGUOUS));
  }
}
