package dev.tandem.examples;

import dev.tandem.core.data.Cifar10;
import dev.tandem.core.data.Dataset;
import dev.tandem.core.data.FashionMnist;
import dev.tandem.core.data.Mnist;
import dev.tandem.core.data.Normalize;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.shape.Spec;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;

/**
 * Images of ten classes: samples {@code [F32[C, H, W], I32[]]}, pixels from 0 to 1.
 *
 * @param train what a model learns from
 * @param test what it is judged by
 */
record ImageSet(Dataset train, Dataset test) {
  private static final String FASHION_MNIST = "fashion-mnist";
  private static final String MNIST = "mnist";
  private static final String CIFAR10 = "cifar10";

  /** What {@link #open} knows; the first comes with the program, as a tenth of itself. */
  static final List<String> NAMES = List.of(FASHION_MNIST, MNIST, CIFAR10);

  /** Those of 28×28 grey pixels. */
  static final List<String> GREY = List.of(FASHION_MNIST, MNIST);

  /** What the user chose, from the folder they named. */
  static ImageSet open(Session session) throws IOException {
    String name = session.dataset();
    Path folder = session.data();
    if (folder == null) {
      if (!name.equals(FASHION_MNIST)) {
        throw new InputException(
            name + " does not come with this program; name the folder that has it with --data DIR");
      }
      return grey(sample("train"), sample("t10k"));
    }
    return switch (name) {
      case FASHION_MNIST -> grey(FashionMnist.train(folder), FashionMnist.test(folder));
      case MNIST -> grey(Mnist.train(folder), Mnist.test(folder));
      case CIFAR10 -> new ImageSet(Cifar10.train(folder), Cifar10.test(folder));
      default -> throw new IllegalArgumentException("no images named " + name + "; there are " + NAMES);
    };
  }

  /** Samples of Fashion-MNIST that come with the program, {@code [F32[28, 28], I32[]]}: {@code train} or {@code t10k}. */
  static Dataset sample(String part) throws IOException {
    try (InputStream images = ImageSet.class.getResourceAsStream("fashion-mnist/" + part + "-images-idx3-ubyte.gz");
        InputStream labels = ImageSet.class.getResourceAsStream("fashion-mnist/" + part + "-labels-idx1-ubyte.gz")) {
      return FashionMnist.read(Objects.requireNonNull(images), Objects.requireNonNull(labels));
    }
  }

  private static ImageSet grey(Dataset train, Dataset test) {
    return new ImageSet(train.map(0, ImageSet::withChannel), test.map(0, ImageSet::withChannel));
  }

  /** {@code [N, H, W] -> [N, 1, H, W]}. */
  private static HostArray withChannel(HostArray images) {
    return HostArray.wrap(new Spec(images.shape().insert(1, 1), images.dtype()), images.data());
  }

  /** With mean 0 and standard deviation 1 in each channel of the training images. */
  ImageSet normalized() {
    // The test images are measured by what the training images have.
    var normalize = Normalize.perColumn(train, 0);
    return new ImageSet(train.map(0, normalize), test.map(0, normalize));
  }

  int channels() {
    return train.specs().getFirst().shape().dim(0);
  }

  /** Height and width. */
  int side() {
    return train.specs().getFirst().shape().dim(1);
  }
}
