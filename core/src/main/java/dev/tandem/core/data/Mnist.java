package dev.tandem.core.data;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;

/**
 * MNIST, 60,000 and 10,000 images of handwritten digits (Y. LeCun, C. Cortes and C. Burges, "The MNIST database of
 * handwritten digits"). Samples are {@code [F32[28, 28], I32[]]}: pixels from 0 (paper) to 1 (ink), and the digit.
 */
public final class Mnist {
  private static final String REMEDY =
      "Put the four IDX files of MNIST there, as they were published by Y. LeCun, with or without .gz.";

  private Mnist() {}

  /**
   * The training samples.
   *
   * @param folder with {@code train-images-idx3-ubyte.gz} and {@code train-labels-idx1-ubyte.gz}, or both without
   *         {@code .gz}
   * @throws java.io.FileNotFoundException if the files are not there; the message says what was looked for
   * @throws dev.tandem.core.io.FileFormatException if a file is damaged, or not of MNIST's kind
   */
  public static Dataset train(Path folder) throws IOException {
    return LabelledImages.open(folder, 0, "MNIST", REMEDY);
  }

  /** The test samples, from {@code t10k-…}; otherwise as for {@link #train}. */
  public static Dataset test(Path folder) throws IOException {
    return LabelledImages.open(folder, 2, "MNIST", REMEDY);
  }

  /**
   * Samples from two streams in the format of the files, compressed or not; the streams are not closed.
   *
   * @param images IDX, U8 {@code [N, 28, 28]}
   * @param labels IDX, U8 {@code [N]}, from 0 to 9
   */
  public static Dataset read(InputStream images, InputStream labels) throws IOException {
    return LabelledImages.read(images, labels, "MNIST");
  }
}
