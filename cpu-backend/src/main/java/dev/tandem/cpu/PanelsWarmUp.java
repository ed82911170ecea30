package dev.tandem.cpu;

/**
 * When {@link Panels} uses {@link VectorMoves}: until C2 has compiled them, a move by single numbers is faster. Loaded only when
 * {@link Lanes#AVAILABLE}.
 */
final class PanelsWarmUp {
  private static final int TILE = FloatLanes.COUNT;
  private static final WarmUp COPIES = new WarmUp(times -> VectorMoves.copyRows(WarmUp.ZEROS, 0, WarmUp.OUTPUT, 0,
      times > 0 ? WarmUp.TURNS : 0, 2 * TILE), 4);
  private static final WarmUp TRANSPOSES =
      new WarmUp(times -> VectorMoves.transpose(WarmUp.ZEROS, 0, WarmUp.OUTPUT, 4L * TILE,
          times > 0 ? TILE : 0, WarmUp.OUTPUT + 4L * TILE * TILE), 8);
  private static final int[] ANY = new int[WarmUp.TURNS];
  private static final WarmUp ADDS = new WarmUp(times -> VectorMoves.addRows(WarmUp.ZEROS, 0, 0, WarmUp.OUTPUT, 0, 0, ANY, 0,
      times > 0 ? WarmUp.TURNS : 0), 8);
  // Threads may lose some of each other's.
  private static long copied;
  private static long transposed;
  private static long added;

  private PanelsWarmUp() {
  }

  static boolean copies(int rows, int width) {
    if (COPIES.isDone()) {
      return true;
    }
    copied += (long) rows * width;
    if (copied >= WarmUp.ELEMENTS) {
      COPIES.begin();
    }
    return false;
  }

  static boolean transposes(int rows, int columns) {
    if (TRANSPOSES.isDone()) {
      return true;
    }
    transposed += (long) rows * columns;
    if (transposed >= WarmUp.ELEMENTS) {
      TRANSPOSES.begin();
    }
    return false;
  }

  static boolean adds(int rows) {
    if (ADDS.isDone()) {
      return true;
    }
    added += (long) rows * 2 * TILE;
    if (added >= WarmUp.ELEMENTS) {
      ADDS.begin();
    }
    return false;
  }
}
