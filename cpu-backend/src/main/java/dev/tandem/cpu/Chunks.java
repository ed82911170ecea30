package dev.tandem.cpu;

import dev.tandem.core.backend.Call;
import java.lang.ref.Reference;

/** How elementwise work is divided: into chunks whose borders follow from shapes alone, so that results do too. */
final class Chunks {
  /** Elements of a chunk: large beside the dispatch, small beside the second-level cache. */
  static final int ELEMENTS = 1 << 14;
  /** Elements of a cheap program below which sharing them costs more than it saves: a parked team takes 30 µs to wake. */
  private static final long ALONE = 1 << 16;

  private Chunks() {
  }

  /** Whether the caller does this work alone; {@code weight} is how much longer than in a sum of two an element takes. */
  static boolean isSmall(long elements, int weight) {
    return elements < ALONE / weight;
  }

  /** Runs every chunk, on the caller alone or on the team, and keeps the memory of {@code call} alive until all are done. */
  static void run(Call call, Team team, boolean alone, int count, Team.Body body) {
    try {
      if (alone) {
        for (int c = 0; c < count; c++) {
          body.run(0, c);
        }
      } else {
        team.run(count, body);
      }
    } finally {
      Reference.reachabilityFence(call);
    }
  }
}
