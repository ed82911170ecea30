package dev.tandem.examples;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;

/** What the user gave cannot be used: an option, a name, a file. The message is the one line they read. */
final class InputException extends RuntimeException {
  private static final long serialVersionUID = 1;

  InputException(String message) {
    super(message);
  }

  InputException(String what, IOException cause) {
    super(what + ": " + reason(cause), cause);
  }

  /** The message, for exceptions whose message is a bare path too. */
  static String reason(IOException e) {
    return switch (e) {
      case NoSuchFileException f when f.getReason() == null -> f.getFile() + " does not exist";
      case AccessDeniedException f when f.getReason() == null -> "permission denied for " + f.getFile();
      case FileSystemException f when f.getReason() != null -> f.getFile() + ": " + f.getReason();
      default -> e.getMessage() == null ? e.toString() : e.getMessage();
    };
  }
}
