package dev.tandem.benchmarks.peers;

import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Whether two sides computed the same. */
final class Agreement {
  private Agreement() {
  }

  /**
   * The largest difference of two elements, as a part of the largest element of its array; the worst array counts.
   * Infinite if an array is missing, of another length, or has an element that is no number.
   */
  static double error(List<float[]> ours, List<float[]> theirs) {
    if (ours.size() != theirs.size()) {
      return Double.POSITIVE_INFINITY;
    }
    double worst = 0;
    for (int k = 0; k < ours.size(); k++) {
      worst = Math.max(worst, error(ours.get(k), theirs.get(k)));
    }
    return worst;
  }

  private static double error(float[] ours, float[] theirs) {
    if (ours.length != theirs.length) {
      return Double.POSITIVE_INFINITY;
    }
    double largest = 0;
    double apart = 0;
    for (int i = 0; i < ours.length; i++) {
      if (!Float.isFinite(ours[i]) || !Float.isFinite(theirs[i])) {
        return Double.POSITIVE_INFINITY;
      }
      largest = Math.max(largest, Math.max(Math.abs(ours[i]), Math.abs(theirs[i])));
      apart = Math.max(apart, Math.abs((double) ours[i] - theirs[i]));
    }
    return apart == 0 ? 0 : apart / largest;
  }

  /** What a worker wrote. */
  static List<float[]> read(Path file) throws IOException {
    try (var in = new DataInputStream(new BufferedInputStream(Files.newInputStream(file)))) {
      List<float[]> results = new ArrayList<>();
      for (int left = in.readInt(); left > 0; left--) {
        float[] values = new float[in.readInt()];
        for (int i = 0; i < values.length; i++) {
          values[i] = in.readFloat();
        }
        results.add(values);
      }
      return results;
    }
  }
}
