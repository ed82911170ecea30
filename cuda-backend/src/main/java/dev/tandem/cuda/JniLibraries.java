package dev.tandem.cuda;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import jcuda.JCudaVersion;
import jcuda.driver.JCudaDriver;
import jcuda.jcublas.JCublas2;
import jcuda.jcudnn.JCudnn;
import jcuda.nvrtc.JNvrtc;

/**
 * JCuda's own native libraries, unpacked into a folder of this user, one for each version and content. They are linked against
 * CUDA 12; for another major version the copies ask for that one's libraries instead, whose functions are the same.
 */
final class JniLibraries {
  private static final int LINKED_AGAINST = 12;

  private static final List<String> NAMES = List.of("JCudaDriver", "JNvrtc", "JCublas2", "JCudnn");

  private JniLibraries() {
  }

  /**
   * Unpacks the libraries and initialises JCuda's classes.
   *
   * @param major version of CUDA that was found
   * @throws UnsatisfiedLinkError if a library does not load
   */
  static void load(int major) throws IOException {
    String suffix = "-" + JCudaVersion.get() + "-linux-x86_64";
    byte[][] contents = new byte[NAMES.size()][];
    for (int i = 0; i < contents.length; i++) {
      contents[i] = resource("/lib/lib" + NAMES.get(i) + suffix + ".so");
      if (major != LINKED_AGAINST) {
        retarget(contents[i], major);
      }
    }
    Path folder = UserCache.folder().resolve("jcuda" + suffix + "-cuda" + major)
        .resolve(UserCache.digest(contents).substring(0, 16)).toAbsolutePath();
    for (int i = 0; i < contents.length; i++) {
      Path file = folder.resolve("lib" + NAMES.get(i) + suffix + ".so");
      if (!Files.exists(file) || !Arrays.equals(Files.readAllBytes(file), contents[i])) {
        UserCache.write(file, contents[i]);
      }
    }
    initialize(folder);
  }

  private static byte[] resource(String name) throws IOException {
    try (InputStream in = JCudaVersion.class.getResourceAsStream(name)) {
      if (in == null) {
        throw new IOException(name + " is not in the class path; add jcuda-natives, jcublas-natives and "
            + "jcudnn-natives for linux-x86_64");
      }
      return in.readAllBytes();
    }
  }

  private static void retarget(byte[] library, int major) {
    Elf elf = new Elf(library);
    for (String name : List.of("libcublas.so.", "libnvrtc.so.")) {
      if (elf.needed().contains(name + LINKED_AGAINST)) {
        elf.rename(name + LINKED_AGAINST, name + major);
      }
    }
  }

  /**
   * JCuda loads its libraries when its classes are initialised, from the folder for temporary files, where it takes what lies there
   * under the right name. So that folder is ours meanwhile.
   */
  private static synchronized void initialize(Path folder) {
    String before = System.getProperty("java.io.tmpdir");
    System.setProperty("java.io.tmpdir", folder.toString());
    try {
      JCudaDriver.setExceptionsEnabled(false);
      JNvrtc.setExceptionsEnabled(false);
      JCublas2.setExceptionsEnabled(false);
      JCudnn.setExceptionsEnabled(false);
    } finally {
      System.setProperty("java.io.tmpdir", before);
    }
  }
}
