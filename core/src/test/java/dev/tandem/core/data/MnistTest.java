package dev.tandem.core.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.tandem.core.io.FileFormatException;
import dev.tandem.core.io.Idx;
import dev.tandem.core.io.LoopbackServer;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.Spec;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MnistTest {
  @TempDir private Path folder;

  /** Image i is all i, label i is i modulo 10. */
  private void write(String part, String suffix, int images, int labels) throws IOException {
    HostArray pixels = HostArray.zeros(DType.U8, images, 28, 28);
    for (int i = 0; i < images; i++) {
      for (int p = 0; p < 784; p++) {
        pixels.set(i * 784L + p, i);
      }
    }
    HostArray classes = HostArray.zeros(DType.U8, labels);
    for (int i = 0; i < labels; i++) {
      classes.set(i, i % 10);
    }
    Idx.write(folder.resolve(part + "-images-idx3-ubyte" + suffix), pixels);
    Idx.write(folder.resolve(part + "-labels-idx1-ubyte" + suffix), classes);
  }

  @Test
  void trainAndTestSamplesAreReadCompressedOrNot() throws IOException {
    write("train", ".gz", 30, 30);
    write("t10k", "", 20, 20);
    Dataset train = FashionMnist.train(folder);
    assertThat(train.size()).isEqualTo(30);
    assertThat(train.specs()).containsExactly(new Spec(Shape.of(28, 28), DType.F32), new Spec(Shape.of(), DType.I32));
    Batch batch = train.batch(new int[] {25, 3});
    assertThat(batch.get(0).get(0)).isEqualTo(25 / 255f);
    assertThat(batch.get(0).get(2 * 784 - 1)).isEqualTo(3 / 255f);
    assertThat(batch.get(1).toInts()).containsExactly(5, 3);
    assertThat(FashionMnist.test(folder).size()).isEqualTo(20);
    assertThat(Mnist.train(folder).size()).isEqualTo(30);
    assertThat(Mnist.test(folder).size()).isEqualTo(20);
  }

  @Test
  void streamsAreReadToo() throws IOException {
    write("train", ".gz", 12, 12);
    try (InputStream images = Files.newInputStream(folder.resolve("train-images-idx3-ubyte.gz"));
        InputStream labels = Files.newInputStream(folder.resolve("train-labels-idx1-ubyte.gz"))) {
      assertThat(FashionMnist.read(images, labels).size()).isEqualTo(12);
    }
  }

  @Test
  void missingFilesAreNamedWithTheRemedy() throws IOException {
    assertThatThrownBy(() -> FashionMnist.train(folder)).isInstanceOf(FileNotFoundException.class)
        .hasMessage("Fashion-MNIST not found: the folder " + folder
            + " has neither train-images-idx3-ubyte.gz nor train-images-idx3-ubyte. "
            + "FashionMnist.download(Path.of(\"" + folder + "\")) fetches them, 30 MB, from "
            + "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/");
    write("train", ".gz", 1, 1);
    assertThatThrownBy(() -> Mnist.test(folder))
        .hasMessageContaining("has neither t10k-images-idx3-ubyte.gz nor t10k-images-idx3-ubyte. Put the");
    Files.delete(folder.resolve("train-labels-idx1-ubyte.gz"));
    assertThatThrownBy(() -> Mnist.train(folder))
        .hasMessageContaining("has neither train-labels-idx1-ubyte.gz nor train-labels-idx1-ubyte");
    assertThatThrownBy(() -> Mnist.train(folder.resolve("no"))).isInstanceOf(FileNotFoundException.class)
        .hasMessageContaining(
            "MNIST not found: " + folder.resolve("no") + " is no folder; looked there for train-images-idx3-ubyte.gz");
  }

  @Test
  void filesThatDoNotFitAreRefused() throws IOException {
    write("train", "", 3, 2);
    Path images = folder.resolve("train-images-idx3-ubyte");
    Path labels = folder.resolve("train-labels-idx1-ubyte");
    assertThatThrownBy(() -> FashionMnist.train(folder)).isInstanceOf(FileFormatException.class)
        .hasMessage(labels + ": has 2 labels for the 3 images of " + images);
    Idx.write(labels, HostArray.of(new byte[] {1, 10, 2}, 3));
    assertThatThrownBy(() -> FashionMnist.train(folder)).hasMessage(labels + ": label 1 is 10; classes are 0 to 9");
    Idx.write(labels, HostArray.of(new int[3], 3));
    assertThatThrownBy(() -> FashionMnist.train(folder)).hasMessage(labels + ": has I32[3] and not labels U8[N]");
    Idx.write(images, HostArray.zeros(DType.U8, 3, 32, 32));
    assertThatThrownBy(() -> FashionMnist.train(folder))
        .hasMessage(images + ": has U8[3, 32, 32] and not images U8[N, 28, 28]");
  }

  @Test
  void aDownloadWithAnotherChecksumIsNotKept() throws IOException {
    write("train", ".gz", 3, 3);
    try (LoopbackServer server = new LoopbackServer()) {
      server.serve("/train-images-idx3-ubyte.gz", Files.readAllBytes(folder.resolve("train-images-idx3-ubyte.gz")));
      Path to = folder.resolve("to");
      assertThatThrownBy(() -> FashionMnist.download(to, server.download(), server.uri("/")))
          .isInstanceOf(FileFormatException.class)
          .hasMessageContaining("/train-images-idx3-ubyte.gz: has the SHA-256 checksum ")
          .hasMessageEndingWith(
              "and not c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888; nothing was kept");
      assertThat(to).isEmptyDirectory();
    }
  }

  /** The full data set lies in a folder beside the project on machines that have it. */
  private static Path full(String set) {
    for (Path at = Path.of("").toAbsolutePath(); at != null; at = at.getParent()) {
      Path data = at.resolve("shared/data").resolve(set);
      if (Files.isDirectory(data)) {
        return data;
      }
    }
    assumeTrue(false, "the full " + set + " is not on this machine (shared/data/" + set + " beside the project)");
    throw new AssertionError("not reached");
  }

  private static double mean(Dataset dataset) {
    return Normalize.overall(dataset, 0).mean()[0];
  }

  @Test
  void theFullFashionMnistIsTheOneThatPapersReport() throws IOException {
    Path data = full("fashion-mnist");
    Dataset train = FashionMnist.train(data);
    Dataset test = FashionMnist.test(data);
    assertThat(train.size()).isEqualTo(60_000);
    assertThat(test.size()).isEqualTo(10_000);
    int[] ten = IntStream.range(0, 10).toArray();
    assertThat(train.batch(ten).get(1).toInts()).containsExactly(9, 0, 0, 3, 0, 2, 7, 2, 5, 5);
    assertThat(test.batch(ten).get(1).toInts()).containsExactly(9, 2, 1, 1, 6, 1, 4, 6, 5, 7);
    Normalize measured = Normalize.overall(train, 0);
    // The usual figures, to their five places.
    assertThat(measured.mean()[0]).isBetween(0.286035, 0.286045);
    assertThat(measured.std()[0]).isBetween(0.353015, 0.353025);
    assertThat(mean(test)).isBetween(0.286845, 0.286855);
    int[] counts = new int[10];
    for (Batch batch : train.batches(1000).prefetch(2).workers(2)) {
      Arrays.stream(batch.get(1).toInts()).forEach(label -> counts[label]++);
    }
    assertThat(counts).containsOnly(6000);
  }

  @Test
  void theFullFashionMnistHasTheKnownChecksums() throws IOException {
    Path data = full("fashion-mnist");
    try (LoopbackServer server = new LoopbackServer()) {
      for (String file : LabelledImages.FILES) {
        server.serve("/fashion/" + file + ".gz", Files.readAllBytes(data.resolve(file + ".gz")));
      }
      FashionMnist.download(folder, server.download(), server.uri("/fashion/"));
      assertThat(server.requests()).hasSize(4);
      FashionMnist.download(folder, server.download(), server.uri("/fashion/"));
      assertThat(server.requests()).as("nothing is fetched twice").hasSize(4);
      assertThat(FashionMnist.test(folder).size()).isEqualTo(10_000);
    }
  }

  @Test
  void theFullMnistIsTheOneThatPapersReport() throws IOException {
    Dataset train = Mnist.train(full("mnist"));
    assertThat(train.size()).isEqualTo(60_000);
    assertThat(train.batch(new int[] {0, 1, 2, 3, 4}).get(1).toInts()).containsExactly(5, 0, 4, 1, 9);
    assertThat(mean(train)).isBetween(0.130655, 0.130665);
  }
}
