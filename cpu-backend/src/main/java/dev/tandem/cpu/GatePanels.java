package dev.tandem.cpu;

import dev.tandem.core.op.Recurrent;

/**
 * Numbers of all gates of an LSTM, for all steps of all sequences. They lie as [panel of hidden units][gate][step and sequence][unit],
 * so that what a part of a step works on is dense (in rows of all gates, which are often a power of two apart, it falls into few sets
 * of the first-level cache), and that a gate's gradients are, as they lie, a column-major operand of the product that makes gradients
 * of weights.
 *
 * @param address of 4 * rows * hidden floats
 * @param rows steps times sequences
 */
record GatePanels(long address, int rows, int hidden) {
  private static final int GATES = Recurrent.Cell.LSTM.gates();

  /** Bytes between gates of a panel of so many units. */
  long plane(int units) {
    return 4L * units * rows;
  }

  /** The address of the numbers of a gate for the units of a panel, in rows without gaps from {@code row} on. */
  long at(int panel, int gate, int row) {
    int j = panel * Tiles.WIDTH;
    int units = Math.min(hidden - j, Tiles.WIDTH);
    return address + GATES * plane(j) + gate * plane(units) + 4L * row * units;
  }
}
