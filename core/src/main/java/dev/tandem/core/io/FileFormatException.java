package dev.tandem.core.io;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** A file that is not what its format demands; the message names the file and what is wrong with it. */
public final class FileFormatException extends IOException {
  private static final long serialVersionUID = 1;

  public FileFormatException(String file, String problem) {
    this(file, problem, null);
  }

  public FileFormatException(String file, String problem, @Nullable Throwable cause) {
    super(file + ": " + problem, cause);
  }
}
