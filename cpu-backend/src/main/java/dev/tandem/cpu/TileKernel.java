package dev.tandem.cpu;

/**
 * The inner kernel of matrix products and convolutions: one tile of R rows and V vectors of the output, held in
 * registers while {@code C(i, j) = sum over o < outer, p < inner of A(o, p, i) * B(o, p, j)} runs. The sum goes over
 * {@code o}, then {@code p}, and starts from zero in every tile, so that an element's rounding does not depend on which
 * tile it falls into. Whoever adds to C has a tile written elsewhere first.
 *
 * <p>All addresses and strides are in bytes. A is read one number at a time, in one of two layouts:
 * <ul>
 * <li>row: A(o, p, i) at {@code a + o * aOuter + i * aRow + 4 p} (rows of a matrix, pixels of a channels-last image;
 * {@code aInner} is not used);
 * <li>column: A(o, p, i) at {@code a + o * aOuter + p * aInner + 4 i} (transposed or packed rows; {@code aRow} is not
 * used).
 * </ul>
 * B(o, p, j) lies at {@code b + o * bOuter + p * bInner + 4 j} and is read in whole vectors, C(i, j) at {@code c + i *
 * cRow + 4 j}.
 */
interface TileKernel {
  /** @param outer if less than 0, turns of an empty loop, and nothing else happens: see {@link WarmUp} */
  void run(int outer, int inner, long a, long aRow, long aInner, long aOuter, long b, long bInner, long bOuter, long c,
      long cRow);
}
