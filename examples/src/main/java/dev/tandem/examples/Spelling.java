package dev.tandem.examples;

import java.util.Collection;
import java.util.Comparator;

/** Finds what a user may have meant. */
final class Spelling {
  private Spelling() {
  }

  /** {@code "; did you mean 'mlp'?"} when one of {@code known} is near {@code word}, else an empty string. */
  static String suggestion(String word, Collection<String> known) {
    return known.stream()
        .min(Comparator.comparingInt(k -> distance(word, k)))
        .filter(k -> distance(word, k) <= Math.max(1, k.length() / 3))
        .map(k -> "; did you mean '" + k + "'?")
        .orElse("");
  }

  /** The optimal string alignment distance: insertions, deletions, substitutions, and exchanges of two neighbours. */
  static int distance(String a, String b) {
    int[][] d = new int[a.length() + 1][b.length() + 1];
    for (int i = 0; i <= a.length(); i++) {
      for (int j = 0; j <= b.length(); j++) {
        if (i == 0 || j == 0) {
          d[i][j] = i + j;
          continue;
        }
        int same = a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1;
        d[i][j] = Math.min(d[i - 1][j - 1] + same, Math.min(d[i - 1][j], d[i][j - 1]) + 1);
        if (i > 1 && j > 1 && a.charAt(i - 1) == b.charAt(j - 2) && a.charAt(i - 2) == b.charAt(j - 1)) {
          d[i][j] = Math.min(d[i][j], d[i - 2][j - 2] + 1);
        }
      }
    }
    return d[a.length()][b.length()];
  }
}
