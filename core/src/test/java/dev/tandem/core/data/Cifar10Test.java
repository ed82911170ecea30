package dev.tandem.core.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tandem.core.io.FileFormatException;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.Spec;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.zip.Deflater;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class Cifar10Test {
  private static final int ROW = 3073;

  @TempDir private Path folder;

  /** Row i of class (i + shift) modulo 10, red all i modulo 251, green all shift, blue 200. */
  private static byte[] rows(int count, int shift) {
    byte[] rows = new byte[count * ROW];
    for (int i = 0; i < count; i++) {
      int at = i * ROW;
      rows[at] = (byte) ((i + shift) % 10);
      Arrays.fill(rows, at + 1, at + 1025, (byte) (i % 251));
      Arrays.fill(rows, at + 1025, at + 2049, (byte) shift);
      Arrays.fill(rows, at + 2049, at + ROW, (byte) 200);
    }
    return rows;
  }

  private Path write(String name, byte[] bytes) throws IOException {
    Path file = folder.resolve(name);
    OutputStream plain = Files.newOutputStream(file);
    try (OutputStream out = name.endsWith(".gz") ? gzip(plain) : plain) {
      out.write(bytes);
    }
    return file;
  }

  private static OutputStream gzip(OutputStream out) throws IOException {
    return new GZIPOutputStream(out) {
      {
        def.setLevel(Deflater.BEST_SPEED);
      }
    };
  }

  @Test
  void theTestSamplesAreReadWithTheirChannels() throws IOException {
    Files.write(folder.resolve("test_batch.bin"), rows(10_000, 3));
    Dataset test = Cifar10.test(folder);
    assertThat(test.size()).isEqualTo(10_000);
    assertThat(test.specs()).containsExactly(new Spec(Shape.of(3, 32, 32), DType.F32), new Spec(Shape.of(), DType.I32));
    Batch batch = test.batch(new int[] {9_999, 17});
    assertThat(batch.get(1).toInts()).containsExactly(2, 0);
    assertThat(Cifar10.CLASSES.get(2)).isEqualTo("bird");
    float[] pixels = batch.get(0).toFloats();
    assertThat(Arrays.copyOfRange(pixels, 0, 1024)).containsOnly(9_999 % 251 / 255f);
    assertThat(Arrays.copyOfRange(pixels, 1024, 2048)).containsOnly(3 / 255f);
    assertThat(Arrays.copyOfRange(pixels, 2048, 3072)).containsOnly(200 / 255f);
    assertThat(pixels[3072]).isEqualTo(17 / 255f);
  }

  @Test
  void theTrainingSamplesAreFiveFilesCompressedOrNot() throws IOException {
    for (int f = 1; f <= 5; f++) {
      write("data_batch_" + f + ".bin" + (f == 2 ? "" : ".gz"), rows(10_000, f));
    }
    Dataset train = Cifar10.train(folder);
    assertThat(train.size()).isEqualTo(50_000);
    Batch batch = train.batch(new int[] {0, 10_000, 20_000, 39_999, 49_999});
    assertThat(batch.get(1).toInts()).containsExactly(1, 2, 3, 3, 4);
    for (int i = 0; i < 5; i++) {
      assertThat(batch.get(0).get(i * 3072L + 1024)).isEqualTo((i + 1) / 255f);
    }
  }

  @Test
  void aFileOfAnotherSizeIsRefused() throws IOException {
    byte[] rows = rows(10_000, 0);
    Path file = write("test_batch.bin", Arrays.copyOf(rows, 7 * ROW + 1000));
    assertThatThrownBy(() -> Cifar10.test(folder)).isInstanceOf(FileFormatException.class)
        .hasMessage(file + ": ends in row 7; a file of CIFAR-10 has 10000 rows of 3073 bytes");
    write("test_batch.bin", Arrays.copyOf(rows, 7 * ROW));
    assertThatThrownBy(() -> Cifar10.test(folder)).hasMessageStartingWith(file + ": ends in row 7; ");
    write("test_batch.bin", new byte[0]);
    assertThatThrownBy(() -> Cifar10.test(folder)).hasMessageStartingWith(file + ": ends in row 0; ");
    write("test_batch.bin", Arrays.copyOf(rows, rows.length + 1));
    assertThatThrownBy(() -> Cifar10.test(folder)).isInstanceOf(FileFormatException.class)
        .hasMessage(file + ": goes on after row 9999; a file of CIFAR-10 has 10000 rows of 3073 bytes");
  }

  @Test
  void damagedCompressionIsRefused() throws IOException {
    Path file = write("test_batch.bin.gz", rows(10_000, 0));
    byte[] whole = Files.readAllBytes(file);
    Files.write(file, Arrays.copyOf(whole, whole.length / 2));
    assertThatThrownBy(() -> Cifar10.test(folder)).isInstanceOf(FileFormatException.class)
        .hasMessage(file + ": the gzip data end too early; the file is truncated");
    Files.write(file, rows(1, 0));
    assertThatThrownBy(() -> Cifar10.test(folder)).isInstanceOf(FileFormatException.class)
        .hasMessageStartingWith(file + ": corrupt gzip data: ");
  }

  @Test
  void aClassThatIsNoneIsRefused() throws IOException {
    byte[] rows = rows(20, 0);
    rows[12 * ROW] = (byte) 200;
    Path file = write("test_batch.bin", rows);
    assertThatThrownBy(() -> Cifar10.test(folder)).isInstanceOf(FileFormatException.class)
        .hasMessage(file + ": label 12 is 200; classes are 0 to 9");
  }

  @Test
  void aMissingFileIsNamedWithTheRemedy() throws IOException {
    write("data_batch_1.bin", new byte[0]);
    assertThatThrownBy(() -> Cifar10.train(folder)).isInstanceOf(FileNotFoundException.class)
        .hasMessage("CIFAR-10 not found: the folder " + folder
            + " has neither data_batch_2.bin.gz nor data_batch_2.bin. Put data_batch_1.bin to data_batch_5.bin and "
            + "test_batch.bin there, with or without .gz, from the binary version at "
            + "https://www.cs.toronto.edu/~kriz/cifar.html");
    assertThatThrownBy(() -> Cifar10.test(folder.resolve("no"))).isInstanceOf(FileNotFoundException.class)
        .hasMessageStartingWith("CIFAR-10 not found: " + folder.resolve("no") + " is no folder; ");
  }
}
