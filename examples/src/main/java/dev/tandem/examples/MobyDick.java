package dev.tandem.examples;

import dev.tandem.core.data.CharacterVocabulary;
import dev.tandem.core.data.Dataset;
import dev.tandem.core.io.FileFormatException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.zip.GZIPInputStream;

/**
 * Melville's Moby-Dick (1851), cut into windows for models that guess the next character: the first 31 chapters, which
 * come with the program, or with {@code --data DIR} any text that is there as {@code moby_dick.txt}. The last tenth is
 * kept for validation, as neighbouring windows tell about each other.
 *
 * @param vocabulary the characters of the training part
 * @param train symbols I32[length] and their successors I32[length]
 * @param validation the same of the last tenth
 */
record MobyDick(CharacterVocabulary vocabulary, Dataset train, Dataset validation) {
  private static final String FILE = "moby_dick.txt";
  private static final double TRAIN_SHARE = 0.9;

  /** @param length characters in a window */
  static MobyDick read(Session session, int length) throws IOException {
    String text;
    try (InputStream in =
        session.data() == null ? new GZIPInputStream(session.open(FILE + ".gz")) : session.open(FILE)) {
      text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
    int end = (int) (text.length() * TRAIN_SHARE);
    if (text.length() - end <= length) {
      throw new FileFormatException(FILE, "has " + text.length() + " characters; its last tenth, for validation, must"
          + " fill a window of " + length + " and one more");
    }
    String training = text.substring(0, end);
    CharacterVocabulary vocabulary = CharacterVocabulary.of(training);
    return new MobyDick(vocabulary, vocabulary.windows(training, length),
        vocabulary.windows(text.substring(end), length));
  }
}
