package dev.tandem.core.data;

import java.util.Arrays;

/**
 * The characters of a text, numbered, for models that read and write one character at a time. Symbol {@link #UNKNOWN}
 * stands for every character that the text did not have; the others follow in the order of their code points.
 *
 * <pre>{@code
 * CharacterVocabulary vocabulary = CharacterVocabulary.of(training);
 * DataLoader windows = vocabulary.windows(training, 64).batches(32).shuffled();
 * }</pre>
 */
public final class CharacterVocabulary {
  /** The symbol of characters that have none of their own; decoded as U+FFFD, the replacement character. */
  public static final int UNKNOWN = 0;

  private static final int REPLACEMENT = 0xFFFD;

  /** Ascending code points; the one at i is symbol i + 1. */
  private final int[] known;

  private CharacterVocabulary(int[] known) {
    this.known = known;
  }

  /**
   * The characters of {@code text}, which should be the training text alone: what only validation text has is
   * unknown to the model.
   */
  public static CharacterVocabulary of(String text) {
    return new CharacterVocabulary(text.codePoints().filter(c -> c != REPLACEMENT).distinct().sorted().toArray());
  }

  /** The number of symbols, {@link #UNKNOWN} included. */
  public int size() {
    return known.length + 1;
  }

  /** One symbol for each code point of {@code text}. */
  public int[] encode(String text) {
    return text.codePoints().map(c -> Math.max(UNKNOWN, Arrays.binarySearch(known, c) + 1)).toArray();
  }

  /**
   * The text that {@code symbols} stand for.
   *
   * @throws IndexOutOfBoundsException if one is not from 0 to {@code size() - 1}
   */
  public String decode(int... symbols) {
    var text = new StringBuilder(symbols.length);
    for (int s : symbols) {
      if (s < 0 || s >= size()) {
        throw new IndexOutOfBoundsException("symbol " + s + " of a vocabulary of " + size());
      }
      text.appendCodePoint(s == UNKNOWN ? REPLACEMENT : known[s - 1]);
    }
    return text.toString();
  }

  /** {@link #windows(String, int, int)} that follow each other, so that an epoch predicts every character once. */
  public Dataset windows(String text, int length) {
    return windows(text, length, length);
  }

  /**
   * Stretches of {@code text} for models that predict the next character: samples {@code [I32[length], I32[length]]},
   * symbols and, at each place, the symbol after it. A rest that fills no window is left out.
   *
   * @param stride from the beginning of a window to that of the next
   * @throws IllegalArgumentException if the text is too short for one window
   */
  public Dataset windows(String text, int length, int stride) {
    return new TextWindows(encode(text), length, stride);
  }
}
