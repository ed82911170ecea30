package dev.tandem.core.testing;

import dev.tandem.core.backend.Call;
import dev.tandem.core.op.SoftmaxCrossEntropy;
import dev.tandem.core.op.SoftmaxCrossEntropyGrad;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.Shape;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

/** The composites a backend claims. Those that it leaves to core are skipped here. */
abstract class CompositeContract extends Contract {
  private static final int[] CLASSES = {1, 2, 7, 10, 15, 16, 17, 33, 100, 1000, 9001};

  /** The forward pass, and the gradient from the oracle's log-sum-exp, so that errors do not add up. */
  private void crossEntropy(Trial t, Trial.Slot logits, Trial.Slot labels, Arrangement to) {
    SoftmaxCrossEntropy forward = new SoftmaxCrossEntropy();
    SoftmaxCrossEntropyGrad backward = new SoftmaxCrossEntropyGrad();
    int n = logits.shape().dim(0);
    int classes = logits.shape().dim(1);
    List<Trial.Slot> results = t.outputs(forward, to, List.of(logits, labels));
    if (backend().supports(forward)) {
      double[] largest = new double[n];
      double[] x = t.values(logits);
      for (int i = 0; i < x.length; i++) {
        largest[i / classes] = Math.max(largest[i / classes], Double.isInfinite(x[i]) ? 0 : Math.abs(x[i]));
      }
      // The subtraction of the maximum, the sum of at most C terms of which each may be wrong by 4 ulp, and the
      // logarithm.
      double[] bound = new double[n];
      for (int i = 0; i < n; i++) {
        bound[i] = 8 * Trial.UNIT * (2 * largest[i] + 2 + Math.log(classes) + Math.sqrt(classes));
      }
      t.within(forward, List.of(logits, labels), results, List.of(bound, bound));
    } else {
      ORACLE.execute(new Call(forward, List.of(logits.oracleOperand(), labels.oracleOperand()),
          results.stream().map(Trial.Slot::oracleOperand).toList(), null));
    }
    if (backend().supports(backward)) {
      double[] logSumExp = t.values(results.get(1));
      for (int i = 0; i < n; i++) {
        logSumExp[i] = (float) logSumExp[i];
      }
      // The gradient of a mean over the batch is one number of stride 0.
      Trial.Slot gradLoss = t.slot(DType.F32, to, n % 2 == 0 ? n : 1);
      gradLoss = gradLoss.as(gradLoss.layout().expand(Shape.of(n)));
      List<Trial.Slot> in = List.of(logits, labels, t.slot(DType.F32, logSumExp, to, n, 1), gradLoss);
      double[] bound = new double[n * classes];
      double[] g = t.values(gradLoss);
      double[] x = t.values(logits);
      for (int i = 0; i < bound.length; i++) {
        // A probability is wrong by 4 ulp and by the rounding of its exponent; it may be flushed to zero.
        double exponent = x[i] - logSumExp[i / classes];
        double probability = Math.exp(exponent);
        double rounding = Double.isInfinite(exponent) ? 0 : Math.abs(exponent);
        bound[i] = Math.abs(g[i / classes]) * (4 * Trial.UNIT * (1 + probability * (4 + rounding)) + Float.MIN_NORMAL);
      }
      t.within(backward, in, t.outputs(backward, to, in), List.of(bound));
    }
  }

  private void assumeClaimed() {
    Assumptions.assumeTrue(
        backend().supports(new SoftmaxCrossEntropy()) || backend().supports(new SoftmaxCrossEntropyGrad()),
        () -> backend().name() + " claims no cross entropy");
  }

  private static Trial.Slot labels(Trial t, int n, int classes) {
    double[] labels = new double[n];
    for (int i = 0; i < n; i++) {
      labels[i] = t.random().nextInt(classes);
    }
    return t.slot(DType.I32, labels, Arrangement.CONTIGUOUS, n);
  }

  @Test
  void everyNumberOfClasses() {
    assumeClaimed();
    for (int classes : CLASSES) {
      for (int n : new int[] {0, 1, 5, 33}) {
        trial(classes, t -> crossEntropy(t, t.slot(DType.F32, Arrangement.CONTIGUOUS, n, classes),
            labels(t, n, classes), Arrangement.CONTIGUOUS));
      }
    }
  }

  @Test
  void everyLayout() {
    assumeClaimed();
    for (Arrangement from : Arrangement.ALL) {
      for (Arrangement to : Arrangement.ALL) {
        trial(from.seed(), t -> crossEntropy(t, t.slot(DType.F32, from, 9, 19), labels(t, 9, 19), to));
      }
    }
    trial(3, t -> {
      Trial.Slot row = t.slot(DType.F32, Arrangement.CONTIGUOUS, 1, 10);
      crossEntropy(t, row.as(row.layout().expand(Shape.of(7, 10))), labels(t, 7, 10), Arrangement.CONTIGUOUS);
    });
  }

  @Test
  void labelsOutOfRangePickNoLogit() {
    assumeClaimed();
    trial(4, t -> {
      double[] labels = {-1, 10, -100, Integer.MAX_VALUE, Integer.MIN_VALUE, 9};
      crossEntropy(t, t.slot(DType.F32, Arrangement.CONTIGUOUS, 6, 10),
          t.slot(DType.I32, labels, Arrangement.CONTIGUOUS, 6),
          Arrangement.CONTIGUOUS);
    });
  }

  @Test
  void hugeLogitsDoNotOverflow() {
    assumeClaimed();
    for (int classes : CLASSES) {
      trial(5, t -> {
        double[] x = new double[8 * classes];
        for (int i = 0; i < x.length; i++) {
          x[i] = (float) (1e4 * t.random().nextGaussian()) + (i / classes % 2 == 0 ? 1e4 : -1e4);
        }
        crossEntropy(t, t.slot(DType.F32, x, Arrangement.CONTIGUOUS, 8, classes), labels(t, 8, classes),
            Arrangement.CONTIGUOUS);
      });
    }
  }

  /** Masked classes have logit -∞ and probability 0; the loss of such a label is infinite. */
  @Test
  void logitsOfNegativeInfinity() {
    assumeClaimed();
    for (int classes : new int[] {2, 10, 33, 1000}) {
      trial(6, t -> {
        double[] x = new double[9 * classes];
        for (int i = 0; i < x.length; i++) {
          x[i] = i % classes != 1 && t.random().nextInt(2) == 0 ? Double.NEGATIVE_INFINITY
              : (float) t.random().nextGaussian();
        }
        crossEntropy(t, t.slot(DType.F32, x, Arrangement.CONTIGUOUS, 9, classes), labels(t, 9, classes),
            Arrangement.CONTIGUOUS);
      });
    }
  }

  @Test
  void aLogitThatIsNotANumberSpoilsItsRowOnly() {
    assumeClaimed();
    for (int classes : new int[] {1, 10, 33}) {
      trial(7, t -> {
        double[] x = new double[6 * classes];
        for (int i = 0; i < x.length; i++) {
          x[i] = (float) t.random().nextGaussian();
        }
        x[3 * classes + classes / 2] = Double.NaN;
        crossEntropy(t, t.slot(DType.F32, x, Arrangement.CONTIGUOUS, 6, classes), labels(t, 6, classes),
            Arrangement.CONTIGUOUS);
      });
    }
  }
}
