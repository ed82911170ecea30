package dev.tandem.core.data;

import dev.tandem.core.io.Download;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.nio.file.Path;
import java.util.List;

/**
 * Fashion-MNIST, 60,000 and 10,000 images of clothes (H. Xiao, K. Rasul and R. Vollgraf, "Fashion-MNIST: a Novel Image
 * Dataset for Benchmarking Machine Learning Algorithms", 2017; MIT licence, Zalando SE). Samples are
 * {@code [F32[28, 28], I32[]]}: pixels from 0 (background) to 1, and the class, an index into {@link #CLASSES}.
 */
public final class FashionMnist {
  /** The names of the classes. */
  public static final List<String> CLASSES =
      List.of("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker",
          "Bag", "Ankle boot");

  /** Of the uncompressed files, in the order of {@link LabelledImages#FILES}. */
  private static final List<String> SHA256 = List.of("c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
      "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
      "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
      "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34");
  private static final URI PUBLISHER =
      URI.create("https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/");

  /** The training images have 47 MB. */
  private static final long MAX_BYTES = 64L << 20;

  private FashionMnist() {}

  /**
   * The training samples.
   *
   * @param folder with {@code train-images-idx3-ubyte.gz} and {@code train-labels-idx1-ubyte.gz}, or both without
   *         {@code .gz}
   * @throws java.io.FileNotFoundException if the files are not there; the message says what was looked for and how to
   *         get it
   * @throws dev.tandem.core.io.FileFormatException if a file is damaged, or not of MNIST's kind
   */
  public static Dataset train(Path folder) throws IOException {
    return LabelledImages.open(folder, 0, "Fashion-MNIST", remedy(folder));
  }

  /** The test samples, from {@code t10k-…}; otherwise as for {@link #train}. */
  public static Dataset test(Path folder) throws IOException {
    return LabelledImages.open(folder, 2, "Fashion-MNIST", remedy(folder));
  }

  private static String remedy(Path folder) {
    return "FashionMnist.download(Path.of(\"" + folder + "\")) fetches them, 30 MB, from " + PUBLISHER;
  }

  /**
   * Samples from two streams in the format of the files, compressed or not; the streams are not closed.
   *
   * @param images IDX, U8 {@code [N, 28, 28]}
   * @param labels IDX, U8 {@code [N]}, from 0 to 9
   */
  public static Dataset read(InputStream images, InputStream labels) throws IOException {
    return LabelledImages.read(images, labels, "Fashion-MNIST");
  }

  /**
   * Fetches the four files, 30 MB, from their publisher into {@code folder}, checks each against its known SHA-256
   * checksum, and keeps those that are already there.
   *
   * @param folder made if it does not exist
   * @throws IOException if the publisher cannot be reached, or a file has another checksum
   */
  public static void download(Path folder) throws IOException {
    download(folder, new Download(), PUBLISHER);
  }

  static void download(Path folder, Download download, URI publisher) throws IOException {
    for (int i = 0; i < LabelledImages.FILES.size(); i++) {
      String file = LabelledImages.FILES.get(i) + ".gz";
      download.fetchGzip(publisher.resolve(file), folder, file, MAX_BYTES, SHA256.get(i));
    }
  }
}
