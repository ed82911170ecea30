package dev.tandem.cpu;

/**
 * What a {@link PointwiseInterpreter} does to the first {@code n} elements of arrays, a method for each instruction.
 * Truths are 1 and 0. The result may be one of the operands.
 *
 * <p>They are at work while C2 has the kernels to compile, so what matters is how soon it is through with them: of a
 * loop with a step that it does not know it makes no vectors, in 1 ms, where it takes 9 ms for one that counts.
 */
final class BlockLoops {
  /** No constant, so that C2 does not know it. */
  private static int one = 1;

  private BlockLoops() {
  }

  static void add(float[] a, float[] b, float[] y, int n) {
    for (int i = 0, step = one; i < n; i += step) {
      y[i] = a[i] + b[i];
    }
  }

  static void sub(float[] a, float[] b, float[] y, int n) {
    for (int i = 0, step = one; i < n; i += step) {
      y[i] = a[i] - b[i];
    }
  }

  static void mul(float[] a, float[] b, float[] y, int n) {
    for (int i = 0, step = one; i < n; i += step) {
      y[i] = a[i] * b[i];
    }
  }

  static void div(float[] a, float[] b, float[] y, int n) {
    for (int i = 0, step = one; i < n; i += step) {
      y[i] = a[i] / b[i];
    }
  }

  static void max(float[] a, float[] b, float[] y, int n) {
    for (int i = 0, step = one; i < n; i += step) {
      y[i] = Math.max(a[i], b[i]);
    }
  }

  static void min(float[] a, float[] b, float[] y, int n) {
    for (int i = 0, step = one; i < n; i += step) {
      y[i] = Math.min(a[i], b[i]);
    }
  }

  static void less(float[] a, float[] b, float[] y, int n) {
    for (int i = 0, step = one; i < n; i += step) {
      y[i] = a[i] < b[i] ? 1 : 0;
    }
  }

  static void equal(float[] a, float[] b, float[] y, int n) {
    for (int i = 0, step = one; i < n; i += step) {
      y[i] = a[i] == b[i] ? 1 : 0;
    }
  }

  /** {@code t ? a : b}. */
  static void where(float[] t, float[] a, float[] b, float[] y, int n) {
    for (int i = 0, step = one; i < n; i += step) {
      y[i] = t[i] != 0 ? a[i] : b[i];
    }
  }

  static void neg(float[] a, float[] y, int n) {
    for (int i = 0, step = one; i < n; i += step) {
      y[i] = -a[i];
    }
  }

  static void abs(float[] a, float[] y, int n) {
    for (int i = 0, step = one; i < n; i += step) {
      y[i] = Math.abs(a[i]);
    }
  }

  static void floor(float[] a, float[] y, int n) {
    for (int i = 0, step = one; i < n; i += step) {
      y[i] = ScalarMath.floor(a[i]);
    }
  }

  static void sqrt(float[] a, float[] y, int n) {
    for (int i = 0, step = one; i < n; i += step) {
      y[i] = ScalarMath.sqrt(a[i]);
    }
  }

  static void exp(float[] a, float[] y, int n) {
    for (int i = 0, step = one; i < n; i += step) {
      y[i] = ScalarMath.exp(a[i]);
    }
  }

  static void log(float[] a, float[] y, int n) {
    for (int i = 0, step = one; i < n; i += step) {
      y[i] = ScalarMath.log(a[i]);
    }
  }

  static void expm1(float[] a, float[] y, int n) {
    for (int i = 0, step = one; i < n; i += step) {
      y[i] = ScalarMath.expm1(a[i]);
    }
  }

  static void log1p(float[] a, float[] y, int n) {
    for (int i = 0, step = one; i < n; i += step) {
      y[i] = ScalarMath.log1p(a[i]);
    }
  }

  static void tanh(float[] a, float[] y, int n) {
    for (int i = 0, step = one; i < n; i += step) {
      y[i] = ScalarMath.tanh(a[i]);
    }
  }

  static void sigmoid(float[] a, float[] y, int n) {
    for (int i = 0, step = one; i < n; i += step) {
      y[i] = ScalarMath.sigmoid(a[i]);
    }
  }

  static void erf(float[] a, float[] y, int n) {
    for (int i = 0, step = one; i < n; i += step) {
      y[i] = ScalarMath.erf(a[i]);
    }
  }
}
