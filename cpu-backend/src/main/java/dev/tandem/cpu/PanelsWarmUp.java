package dev.tandem.cpu;

/**
 * When {@link Panels} uses {@link VectorMoves}: until C2 has compiled them, a move by single numbers is faster. Loaded only when
 * {@link Lanes#AVAILABLE}.
 */
final class PanelsWarmUp {
  private static final int TILE = FloatLanes.COUNT;
  private static final WarmUp COPIES = new WarmUp(turns -> VectorMoves.copyRows(WarmUp.ZEROS, 0, WarmUp.OUTPUT, 0,
      Math.max(turns, 0), 2 * TILE), 4);
  private static final WarmUp TRANSPOSES =
      new WarmUp(turns -> VectorMoves.transpose(WarmUp.ZEROS, 0, WarmUp.OUTPUT, 4L * TILE,
          turns > 0 ? TILE : 0, WarmUp.OUTPUT + 4L * TILE * TILE), 8);
  private static final WarmUp SUMS = new WarmUp(turns -> VectorMoves.store(WarmUp.ZEROS, 0, WarmUp.OUTPUT, 0,
      Math.max(turns, 0), 2 * TILE, true), 6);
  private static final int[] NUMBERS = new int[WarmUp.TURNS];
  private static final WarmUp NUMBERED_ROWS =
      new WarmUp(turns -> VectorMoves.addRows(WarmUp.ZEROS, 0, 0, WarmUp.OUTPUT, 0, 0,
          NUMBERS, 0, Math.max(turns, 0)), 8);
  // Threads may lose some of each other's.
  private static long copied;
  private static long transposed;
  private static long summed;
  private static long numbered;

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

  static boolean sums(int rows, int width) {
    if (SUMS.isReady()) {
      return true;
    }
    summed += (long) rows * width;
    if (summed >= WarmUp.ELEMENTS) {
      SUMS.begin();
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

  static boolean addsNumbered(int rows) {
    if (NUMBERED_ROWS.isReady()) {
      return true;
    }
    numbered += rows * 2L * TILE;
    if (numbered >= WarmUp.ELEMENTS) {
      NUMBERED_ROWS.begin();
    }
    return false;
  }
}
