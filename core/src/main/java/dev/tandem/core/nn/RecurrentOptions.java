package dev.tandem.core.nn;

/**
 * How recurrent layers are stacked: {@code RecurrentOptions.DEFAULT.withLayers(2).withBatchFirst(true)}.
 *
 * @param layers L, how many lie on each other; each reads the output sequence of the one below
 * @param bidirectional whether every layer has a second set of cells that read the sequence backwards; outputs are then twice as wide
 * @param batchFirst whether sequences are {@code [N, T, ...]} instead of {@code [T, N, ...]}; states are {@code [L*D, N, H]} in any case
 * @param dropout probability of a zero in the sequence handed from a layer to the next, in training
 */
public record RecurrentOptions(int layers, boolean bidirectional, boolean batchFirst, double dropout) {
  /** One layer in one direction, {@code [T, N, ...]}, no dropout. */
  public static final RecurrentOptions DEFAULT = new RecurrentOptions(1, false, false, 0);

  public RecurrentOptions {
    if (layers < 1) {
      throw new IllegalArgumentException(layers + " recurrent layers; there must be at least 1");
    }
    if (!(dropout >= 0 && dropout <= 1)) {
      throw new IllegalArgumentException("dropout with probability " + dropout + "; it must lie between 0 and 1");
    }
  }

  /** D: 2 if bidirectional, else 1. */
  public int directions() {
    return bidirectional ? 2 : 1;
  }

  public RecurrentOptions withLayers(int count) {
    return new RecurrentOptions(count, bidirectional, batchFirst, dropout);
  }

  public RecurrentOptions withBidirectional(boolean both) {
    return new RecurrentOptions(layers, both, batchFirst, dropout);
  }

  public RecurrentOptions withBatchFirst(boolean first) {
    return new RecurrentOptions(layers, bidirectional, first, dropout);
  }

  public RecurrentOptions withDropout(double p) {
    return new RecurrentOptions(layers, bidirectional, batchFirst, p);
  }
}
