package dev.tandem.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Kernels on disk: what is read is what was written, or nothing. */
class CubinCacheTest {
  @TempDir Path folder;

  private static byte[] content(int seed) {
    byte[] bytes = new byte[20_000 + seed];
    new Random(seed).nextBytes(bytes);
    return bytes;
  }

  private List<Path> files() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.toList();
    }
  }

  @Test
  void whatWasWrittenIsRead() throws IOException {
    CubinCache cache = new CubinCache(folder, 10);
    assertThat(cache.read("a")).isNull();
    cache.write("a", content(1));
    cache.write("b", content(2));
    cache.write("a", content(3));
    assertThat(new CubinCache(folder, 10).read("a")).isEqualTo(content(3));
    assertThat(cache.read("b")).isEqualTo(content(2));
    assertThat(files()).hasSize(2);
  }

  @Test
  void damageCountsAsMissing() throws IOException {
    CubinCache cache = new CubinCache(folder, 10);
    cache.write("a", content(1));
    Path file = files().getFirst();
    byte[] whole = Files.readAllBytes(file);
    for (int cut : new int[] {0, 1, 7, 8, 9, whole.length / 2, whole.length - 1}) {
      Files.write(file, Arrays.copyOf(whole, cut));
      assertThat(cache.read("a")).as("cut to %d bytes", cut).isNull();
    }
    for (int at : new int[] {0, 7, 8, whole.length - 1}) {
      byte[] damaged = whole.clone();
      damaged[at] ^= 1;
      Files.write(file, damaged);
      assertThat(cache.read("a")).as("byte %d changed", at).isNull();
    }
    Files.write(file, whole);
    assertThat(cache.read("a")).isEqualTo(content(1));
  }

  @Test
  void theNumberOfFilesIsBounded() throws IOException {
    CubinCache cache = new CubinCache(folder, 20);
    for (int i = 0; i < 300; i++) {
      cache.write("k" + i, new byte[] {(byte) i});
    }
    assertThat(files().size()).isLessThanOrEqualTo(20 + 64);
    assertThat(cache.read("k299")).containsExactly((byte) 299);
  }

  @Test
  void aFolderThatCannotBeMadeCostsNothingElse() throws IOException {
    Path file = Files.writeString(folder.resolve("file"), "no folder");
    CubinCache cache = new CubinCache(file.resolve("below"), 10);
    cache.write("a", content(1));
    assertThat(cache.read("a")).isNull();
  }

  /** Writes and reads the same few keys as another process does. */
  static final class Writer {
    private Writer() {
    }

    public static void main(String[] arguments) {
      CubinCache cache = new CubinCache(Path.of(arguments[0]), 10);
      int good = 0;
      for (int i = 0; i < 400; i++) {
        int key = i % 5;
        cache.write("k" + key, content(key));
        byte[] read = cache.read("k" + (i + 2) % 5);
        if (read != null && !Arrays.equals(read, content((i + 2) % 5))) {
          throw new AssertionError("a torn file");
        }
        good += read == null ? 0 : 1;
      }
      System.out.println("good " + good);
    }
  }

  @Test
  void severalProcessesShareIt() throws Exception {
    List<Process> processes = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      processes.add(JavaProcess.start(Map.of(), List.of(), Writer.class, folder.toString()));
    }
    for (Process p : processes) {
      JavaProcess.Result result = JavaProcess.finish(p);
      assertThat(result.output()).matches("(?s)good [34]\\d\\d\\s*");
      assertThat(result.status()).isZero();
    }
    assertThat(files()).hasSize(5);
  }
}
