package dev.tandem.benchmarks;

import java.util.Comparator;
import java.util.List;
import java.util.OptionalDouble;

/**
 * What chips can do at best, from NVIDIA's data sheets: dense products at boost clock, in 10^12 operations a second.
 *
 * @param chip as the driver names it, or the beginning of that behind "NVIDIA"
 * @param fp32 without tensor cores
 */
record PeakRate(String chip, double fp32) {
  private static final List<PeakRate> KNOWN = List.of(
      new PeakRate("V100-SXM2", 15.7),
      new PeakRate("T4", 8.1),
      new PeakRate("A10", 31.2),
      new PeakRate("A100", 19.5),
      new PeakRate("L4", 30.3),
      new PeakRate("L40S", 91.6),
      new PeakRate("H100 80GB HBM3", 66.9),
      new PeakRate("H100 PCIe", 51.2),
      new PeakRate("H100 NVL", 60),
      new PeakRate("H200", 66.9),
      new PeakRate("H200 NVL", 60),
      new PeakRate("GeForce RTX 3090", 35.6),
      new PeakRate("GeForce RTX 4090", 82.6));

  /** Operations a second of the chip that {@code description} names; empty if it is not in the table. */
  static OptionalDouble of(String description) {
    // The longest name wins: an A100 is no A10, and an H200 NVL is slower than an H200.
    return KNOWN.stream().filter(p -> description.contains(p.chip))
        .max(Comparator.comparingInt(p -> p.chip.length())).stream().mapToDouble(p -> p.fp32 * 1e12).findFirst();
  }
}
