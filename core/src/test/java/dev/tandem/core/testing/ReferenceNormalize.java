package dev.tandem.core.testing;

import dev.tandem.core.op.Normalize;
import dev.tandem.core.shape.Shape;
import java.util.List;

/** Normalisation and its gradient, from the definitions. */
final class ReferenceNormalize {
  private ReferenceNormalize() {
  }

  static void forward(Normalize op, List<Elements> in, List<Elements> out) {
    Elements x = in.get(0);
    Elements mean = out.get(1);
    Elements variance = out.get(2);
    double n = (double) x.size() / mean.size();
    mean.fill(0);
    variance.fill(0);
    for (long i = 0; i < x.size(); i++) {
      mean.add(at(i, x, mean), x.get(i) / n);
    }
    for (long i = 0; i < x.size(); i++) {
      double deviation = x.get(i) - mean.get(at(i, x, mean));
      variance.add(at(i, x, mean), deviation * deviation / n);
    }
    for (long i = 0; i < x.size(); i++) {
      double z = normalised(op, x, mean, variance, i);
      out.get(0).set(i, op.affine()
          ? z * in.get(1).get(at(i, x, in.get(1))) + in.get(2).get(at(i, x, in.get(2)))
          : z);
    }
  }

  static void backward(Normalize op, List<Elements> in, List<Elements> out) {
    Elements x = in.get(0);
    int statistics = op.affine() ? 2 : 1;
    Elements mean = in.get(statistics);
    Elements variance = in.get(statistics + 1);
    Elements gradY = in.get(statistics + 2);
    double n = (double) x.size() / mean.size();
    double[] sum = new double[Math.toIntExact(mean.size())];
    double[] product = new double[sum.length];
    for (long i = 0; i < x.size(); i++) {
      double g = gradY.get(i) * (op.affine() ? in.get(1).get(at(i, x, in.get(1))) : 1);
      sum[at(i, x, mean)] += g;
      product[at(i, x, mean)] += g * normalised(op, x, mean, variance, i);
    }
    out.forEach(e -> e.fill(0));
    for (long i = 0; i < x.size(); i++) {
      double g = gradY.get(i) * (op.affine() ? in.get(1).get(at(i, x, in.get(1))) : 1);
      double z = normalised(op, x, mean, variance, i);
      int to = at(i, x, mean);
      out.get(0).set(i, (g - sum[to] / n - z * product[to] / n) / Math.sqrt(variance.get(to) + op.eps()));
      if (op.affine()) {
        out.get(1).add(at(i, x, out.get(1)), gradY.get(i) * z);
        out.get(2).add(at(i, x, out.get(2)), gradY.get(i));
      }
    }
  }

  private static double normalised(Normalize op, Elements x, Elements mean, Elements variance, long i) {
    int s = at(i, x, mean);
    return (x.get(i) - mean.get(s)) / Math.sqrt(variance.get(s) + op.eps());
  }

  /** The position in {@code small} that belongs to element {@code i} of {@code x}. */
  private static int at(long i, Elements x, Elements small) {
    return at(i, x.shape(), small.shape());
  }

  static int at(long i, Shape full, Shape small) {
    return Math.toIntExact(ReferencePointwise.target(i, full, small));
  }
}
