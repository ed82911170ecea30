package dev.tandem.core.data;

import dev.tandem.core.io.FileFormatException;
import dev.tandem.core.shape.HostArray;
import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;

/**
 * CIFAR-10, 50,000 and 10,000 small colour photographs (A. Krizhevsky, "Learning Multiple Layers of Features from Tiny
 * Images", 2009), from its binary version: files of 10,000 rows, each the class in one byte and 1024 bytes of red, of
 * green and of blue. Samples are {@code [F32[3, 32, 32], I32[]]}: pixels from 0 to 1, and the class, an index into
 * {@link #CLASSES}.
 */
public final class Cifar10 {
  /** The names of the classes. */
  public static final List<String> CLASSES =
      List.of("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck");

  private static final int ROWS = 10_000;
  private static final int CHANNELS = 3;
  private static final int SIDE = 32;
  private static final int PIXELS = CHANNELS * SIDE * SIDE;
  private static final int BUFFER = 1 << 16;
  private static final String REMEDY =
      "Put data_batch_1.bin to data_batch_5.bin and test_batch.bin there, with or without .gz, from the binary version "
          + "at https://www.cs.toronto.edu/~kriz/cifar.html";

  private Cifar10() {}

  /**
   * The training samples, in the order of the files.
   *
   * @param folder with {@code data_batch_1.bin} to {@code data_batch_5.bin}, each with or without an added {@code .gz}
   * @throws java.io.FileNotFoundException if one is not there; the message says what was looked for
   * @throws FileFormatException if a file is damaged or of another kind
   */
  public static Dataset train(Path folder) throws IOException {
    return open(folder, "data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
        "data_batch_5.bin");
  }

  /** The test samples, from {@code test_batch.bin}; otherwise as for {@link #train}. */
  public static Dataset test(Path folder) throws IOException {
    return open(folder, "test_batch.bin");
  }

  private static Dataset open(Path folder, String... names) throws IOException {
    List<Path> files = new ArrayList<>();
    for (String name : names) {
      files.add(LabelledImages.find(folder, name, "CIFAR-10", REMEDY));
    }
    byte[] images = new byte[files.size() * ROWS * PIXELS];
    int[] classes = new int[files.size() * ROWS];
    for (int f = 0; f < files.size(); f++) {
      read(files.get(f), images, classes, f * ROWS);
    }
    // Bytes in memory, floats batch by batch, as for the sets of MNIST's kind.
    return new ArrayDataset(HostArray.of(images, classes.length, CHANNELS, SIDE, SIDE),
        HostArray.of(classes, classes.length)).map(0, Normalize.pixels());
  }

  /** The rows of a file into those of {@code images} and {@code classes} from {@code first} on. */
  private static void read(Path file, byte[] images, int[] classes, int first) throws IOException {
    try (InputStream raw = Files.newInputStream(file);
        InputStream in = new BufferedInputStream(
            file.toString().endsWith(".gz") ? new GZIPInputStream(raw, BUFFER) : raw, BUFFER)) {
      for (int r = first; r < first + ROWS; r++) {
        classes[r] = in.read();
        int pixels = in.readNBytes(images, r * PIXELS, PIXELS);
        if (pixels < PIXELS) {
          throw new FileFormatException(file.toString(), "ends in row " + (r - first) + "; a file of CIFAR-10 has "
              + ROWS + " rows of " + (1 + PIXELS) + " bytes");
        }
        if (classes[r] >= CLASSES.size()) {
          throw new FileFormatException(file.toString(), "label " + (r - first) + " is " + classes[r]
              + "; classes are 0 to " + (CLASSES.size() - 1));
        }
      }
      if (in.read() >= 0) {
        throw new FileFormatException(file.toString(), "goes on after row " + (ROWS - 1) + "; a file of CIFAR-10 has "
            + ROWS + " rows of " + (1 + PIXELS) + " bytes");
      }
    } catch (ZipException e) {
      throw new FileFormatException(file.toString(), "corrupt gzip data: " + e.getMessage(), e);
    } catch (EOFException e) {
      throw new FileFormatException(file.toString(), "the gzip data end too early; the file is truncated", e);
    }
  }
}
