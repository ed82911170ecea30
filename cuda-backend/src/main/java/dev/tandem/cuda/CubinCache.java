package dev.tandem.cuda;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * Compiled kernels on disk, one file for each, safe for several processes at once. A file that is not what was written counts as
 * missing. A folder that can not be written to costs compiling anew and nothing else.
 */
final class CubinCache {
  private static final String SUFFIX = ".cubin";

  /** Every so many writes the folder is looked through. */
  private static final int WRITES_BETWEEN_CLEANINGS = 64;

  private final Path folder;
  private final int limit;
  private int writes;

  /** @param limit files that are kept, those used last */
  CubinCache(Path folder, int limit) {
    this.folder = folder;
    this.limit = limit;
  }

  static CubinCache ofThisUser() {
    return new CubinCache(UserCache.folder().resolve("cubin"), 4096);
  }

  /** What was written under {@code key}, a name of letters and digits; null if nothing usable was. */
  byte @Nullable [] read(String key) {
    Path file = folder.resolve(key + SUFFIX);
    try {
      byte[] all = Files.readAllBytes(file);
      if (all.length < Long.BYTES) {
        return null;
      }
      byte[] content = Arrays.copyOfRange(all, Long.BYTES, all.length);
      if (ByteBuffer.wrap(all).getLong() != checksum(content)) {
        return null;
      }
      Files.setLastModifiedTime(file, FileTime.from(Instant.now()));
      return content;
    } catch (IOException e) {
      return null;
    }
  }

  void write(String key, byte[] content) {
    byte[] all = ByteBuffer.allocate(Long.BYTES + content.length).putLong(checksum(content)).put(content).array();
    try {
      UserCache.write(folder.resolve(key + SUFFIX), all);
      if (writes++ % WRITES_BETWEEN_CLEANINGS == 0) {
        clean();
      }
    } catch (IOException e) {
      // Nothing is lost but the time to compile it again.
      return;
    }
  }

  private void clean() throws IOException {
    List<Path> files;
    try (Stream<Path> all = Files.list(folder)) {
      files = all.filter(f -> f.toString().endsWith(SUFFIX)).toList();
    }
    if (files.size() > limit) {
      List<Path> oldest = files.stream().sorted(Comparator.comparingLong(CubinCache::used)).toList();
      for (Path f : oldest.subList(0, files.size() - limit)) {
        Files.deleteIfExists(f);
      }
    }
  }

  private static long used(Path file) {
    try {
      return Files.getLastModifiedTime(file).toMillis();
    } catch (IOException e) {
      return 0;
    }
  }

  private static long checksum(byte[] content) {
    CRC32C crc = new CRC32C();
    crc.update(content);
    return crc.getValue() << 32 | content.length & 0xFFFFFFFFL;
  }
}
