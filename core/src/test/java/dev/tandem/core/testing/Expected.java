package dev.tandem.core.testing;

import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.HostArray;

/** What an output should hold and how far from it a backend may be, by row-major position. */
final class Expected {
  final double[] value;
  final double[] error;

  Expected(double[] value, double[] error) {
    this.value = value;
    this.error = error;
  }

  static Expected exactly(double[] value) {
    return new Expected(value, new double[value.length]);
  }

  /** Rounding is monotonic: what is stored lies between the stored ends of the interval. */
  static boolean accepts(DType dtype, double got, double want, double error) {
    if (Double.isInfinite(error)) {
      return true;
    }
    if (Double.isNaN(want)) {
      return dtype.isFloat() ? Double.isNaN(got) : got == 0;
    }
    return switch (dtype) {
      case F32 -> (float) (want - error) <= got && got <= (float) (want + error);
      case F64 -> want - error <= got && got <= want + error;
      case BF16 -> bf16(want - error) <= got && got <= bf16(want + error);
      case I32 -> got == (int) want;
      case U8 -> got == ((int) want & 0xFF);
      case BOOL -> got == (want != 0 ? 1 : 0);
    };
  }

  private static double bf16(double v) {
    return Float.intBitsToFloat(HostArray.toBf16((float) v) << 16);
  }
}
