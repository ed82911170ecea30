package dev.tandem.core.data;

import dev.tandem.core.io.FileFormatException;
import dev.tandem.core.io.Idx;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.HostArray;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** The layout that MNIST gave to all sets of its kind: images and labels of ten classes in two IDX files. */
final class LabelledImages {
  /** Images and labels of the training samples, then of the test samples; an added {@code .gz} is usual. */
  static final List<String> FILES =
      List.of("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte");

  /** More than the training images of any set of this kind have. */
  private static final long MAX_BYTES = 1L << 30;
  private static final int SIDE = 28;
  private static final int CLASSES = 10;

  private LabelledImages() {}

  /**
   * Images and labels from a folder.
   *
   * @param first the index in {@link #FILES} of the images; that of the labels is the next
   * @param remedy how to get missing files
   */
  static Dataset open(Path folder, int first, String set, String remedy) throws IOException {
    Path images = find(folder, FILES.get(first), set, remedy);
    Path labels = find(folder, FILES.get(first + 1), set, remedy);
    return of(Idx.read(images, MAX_BYTES), images.toString(), Idx.read(labels, MAX_BYTES), labels.toString());
  }

  /**
   * {@code name} in a folder, compressed or not.
   *
   * @throws FileNotFoundException if it is not there, with the remedy
   */
  static Path find(Path folder, String name, String set, String remedy) throws IOException {
    for (String candidate : List.of(name + ".gz", name)) {
      Path file = folder.resolve(candidate);
      if (Files.isRegularFile(file)) {
        return file;
      }
    }
    String what = Files.isDirectory(folder) ? "the folder " + folder + " has neither " + name + ".gz nor " + name
        : folder + " is no folder; looked there for " + name + ".gz and " + name;
    throw new FileNotFoundException(set + " not found: " + what + ". " + remedy);
  }

  static Dataset read(InputStream images, InputStream labels, String set) throws IOException {
    return of(Idx.read(images, set + " images"), set + " images", Idx.read(labels, set + " labels"), set + " labels");
  }

  private static Dataset of(HostArray images, String imageFile, HostArray labels, String labelFile) throws IOException {
    if (images.dtype() != DType.U8 || images.shape().rank() != 3 || images.shape().dim(1) != SIDE
        || images.shape().dim(2) != SIDE) {
      throw new FileFormatException(imageFile, "has " + images.spec() + " and not images U8[N, 28, 28]");
    }
    if (labels.dtype() != DType.U8 || labels.shape().rank() != 1) {
      throw new FileFormatException(labelFile, "has " + labels.spec() + " and not labels U8[N]");
    }
    if (labels.shape().dim(0) != images.shape().dim(0)) {
      throw new FileFormatException(labelFile,
          "has " + labels.shape().dim(0) + " labels for the " + images.shape().dim(0) + " images of " + imageFile);
    }
    int[] classes = labels.toInts();
    for (int i = 0; i < classes.length; i++) {
      if (classes[i] >= CLASSES) {
        throw new FileFormatException(labelFile,
            "label " + i + " is " + classes[i] + "; classes are 0 to " + (CLASSES - 1));
      }
    }
    // Pixels stay bytes in memory and become floats batch by batch: a quarter of the memory, and the conversion is done
    // by the loader.
    return new ArrayDataset(images, HostArray.of(classes, classes.length)).map(0, Normalize.pixels());
  }
}
