package dev.tandem.benchmarks;

import dev.tandem.core.op.Precision;
import java.util.Comparator;
import java.util.List;
import java.util.OptionalDouble;
import java.util.regex.Pattern;

/**
 * What chips can do at best, from NVIDIA's data sheets: dense products at boost clock, in 10^12 operations a second.
 *
 * @param chip as the driver names it, or a part of that
 * @param fp32 without tensor cores
 * @param tf32 0 if it has none
 * @param bf16 0 if it has none
 */
record PeakRate(String chip, double fp32, double tf32, double bf16) {
  private static final List<PeakRate> KNOWN = List.of(
      new PeakRate("V100-SXM2", 15.7, 0, 0),
      new PeakRate("T4", 8.1, 0, 0),
      new PeakRate("A10", 31.2, 62.5, 125),
      new PeakRate("A100", 19.5, 156, 312),
      new PeakRate("L4", 30.3, 60, 121),
      new PeakRate("L40S", 91.6, 183, 362),
      new PeakRate("H100 80GB HBM3", 66.9, 494.7, 989.4),
      new PeakRate("H100 PCIe", 51.2, 378, 756),
      new PeakRate("H100 NVL", 60, 417.5, 835.5),
      new PeakRate("H200", 66.9, 494.7, 989.4),
      new PeakRate("H200 NVL", 60, 417.5, 835.5),
      new PeakRate("GeForce RTX 3090", 35.6, 35.6, 71),
      new PeakRate("GeForce RTX 4090", 82.6, 82.6, 165.2));

  /** Operations a second of the chip that {@code description} names; empty if the table does not say. */
  static OptionalDouble of(String description, Precision precision) {
    // The longest name wins: an H200 NVL is slower than an H200.
    return KNOWN.stream().filter(p -> p.isIn(description))
        .max(Comparator.comparingInt(p -> p.chip.length())).stream().mapToDouble(p -> p.rate(precision))
        .filter(rate -> rate > 0).map(rate -> rate * 1e12).findFirst();
  }

  /** As words of their own: an A100 is no A10. */
  private boolean isIn(String description) {
    return Pattern.compile("\\b" + Pattern.quote(chip) + "\\b").matcher(description).find();
  }

  private double rate(Precision precision) {
    return switch (precision) {
      case FP32 -> fp32;
      case TF32 -> tf32;
      case BF16 -> bf16;
    };
  }
}
