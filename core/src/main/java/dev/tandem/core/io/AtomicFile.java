package dev.tandem.core.io;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.UUID;

/**
 * A file that appears under its name only when it is complete: it is written beside its place and moved there by
 * {@link #commit}. Whoever reads, or loses power meanwhile, has the old file or the new one. Not committed, it is
 * deleted.
 */
final class AtomicFile implements AutoCloseable {
  private final Path target;
  private final Path temporary;

  AtomicFile(Path target) throws IOException {
    Path name = target.getFileName();
    Path folder = target.toAbsolutePath().getParent();
    if (name == null || folder == null || Files.isDirectory(target)) {
      throw new IOException(target + " cannot be written: it is a folder; give the name of a file");
    }
    if (!Files.isDirectory(folder)) {
      throw new NoSuchFileException(target.toString(), null,
          "the folder " + folder + " does not exist; create it first");
    }
    this.target = target;
    this.temporary = folder.resolve("." + name + "." + UUID.randomUUID() + ".tmp");
  }

  /** Where the content is to be written. */
  Path path() {
    return temporary;
  }

  OutputStream open() throws IOException {
    return Files.newOutputStream(temporary, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
  }

  void commit() throws IOException {
    try (FileChannel channel = FileChannel.open(temporary, StandardOpenOption.WRITE)) {
      channel.force(true);
    }
    Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }

  @Override
  public void close() throws IOException {
    Files.deleteIfExists(temporary);
  }
}
