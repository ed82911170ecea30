package dev.tandem.cpu;

/**
 * Numbers of an LSTM's gates, or of its cells, for all steps of all sequences. They lie as [panel of hidden units][gate]
 * [step and sequence][unit], so that what a part of a step works on is dense: in rows of all gates or units, which are often a
 * power of two apart, it falls into few sets of the first-level cache, and is in too many places to be read ahead (the backward
 * loop over cells, for 64 steps of 32 sequences, 256 units: 1.03 ms with cells in rows, 0.84 so).
 *
 * @param address of gates * rows * hidden floats
 * @param gates as many as a cell has, or 1
 * @param rows steps times sequences
 */
record GatePanels(long address, int gates, int rows, int hidden) {
  /** Units of a panel. */
  int units(int panel) {
    return Math.min(hidden - panel * Tiles.WIDTH, Tiles.WIDTH);
  }

  /** Bytes between gates of a panel of so many units. */
  long plane(int units) {
    return 4L * units * rows;
  }

  /** The address of the numbers of a gate for the units of a panel, in rows without gaps from {@code row} on. */
  long at(int panel, int gate, int row) {
    int units = units(panel);
    return address + gates * plane(panel * Tiles.WIDTH) + gate * plane(units) + 4L * row * units;
  }
}
