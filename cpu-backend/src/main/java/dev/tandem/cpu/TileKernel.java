package dev.tandem.cpu;

/**
 * The inner kernel of matrix products and convolutions: one tile of R rows and V vectors of the output, held in
 * registers while {@code C(i, j) = sum over o < outer, p < inner of A(o, p, i) * B(o, p, j)} runs. The sum goes over
 * {@code o}, then {@code p}, and starts from zero in every tile, so that an element's rounding does not depend on which
 * tile it falls into. Some kernels write C, others add the sum to it ({@link Tiles#adding}): until those are compiled, whoever adds
 * to C has a tile written elsewhere first, with the same rounding.
 *
 * <p>All addresses and strides are in bytes. A is read one number at a time, in one of three {@linkplain Layout layouts}. B(o, p, j)
 * lies at {@code b + o * bOuter + p * bInner + 4 j} and is read in whole vectors, C(i, j) at {@code c + i * cRow + 4 j}.
 */
interface TileKernel {
  /** Where A(o, p, i) lies. */
  enum Layout {
    /**
     * At {@code a + i * aRow} plus the p-th of the ints at address {@code aInner}, which are not negative: pixels of a
     * channels-last image, or with {@link Tiles#steps} rows of a matrix. There is one o.
     */
    OFFSETS("Offsets"),
    /**
     * At {@code a + i * aRow + 4 p}: rows of a matrix, and again one o. For tiles of one vector, which read a number for every
     * multiplication, so that reading offsets as well costs a quarter of the speed (10 rows: 167 GFLOP/s instead of 216).
     */
    ROWS("Row"),
    /** At {@code a + o * aOuter + p * aInner + 4 i}: transposed or packed rows. */
    COLUMNS("Column");

    private final String label;

    Layout(String label) {
      this.label = label;
    }

    /** Of a kernel of this kind, in the names of classes. */
    String label() {
      return label;
    }

    /** For a matrix. */
    static Layout of(boolean column, int vectors) {
      return column ? COLUMNS : vectors == 1 ? ROWS : OFFSETS;
    }
  }

  /** @param outer if less than 0, turns of an empty loop, and nothing else happens: see {@link WarmUp} */
  void run(int outer, int inner, long a, long aRow, long aInner, long aOuter, long b, long bInner, long bOuter, long c,
      long cRow);
}
