package dev.tandem.cuda;

import dev.tandem.core.testing.BackendAvailability;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Assumptions;

/** The device of this process for tests: a GPU, or the emulator where the build says so. */
final class Cuda {
  private static CudaBackend backend;

  private Cuda() {
  }

  /** Device 0, opened once; skips the test, or fails it if the backend is required, where there is none. */
  static synchronized CudaBackend backend() {
    if (backend == null) {
      CudaBackendProvider provider = new CudaBackendProvider();
      BackendAvailability.check("cuda", provider.refusal());
      backend = (CudaBackend) provider.open(0);
    }
    return backend;
  }

  /** Whether the device is the emulator's. */
  static boolean isEmulated() {
    return backend().describe().contains("emulator");
  }

  /** The folder of the emulator, where faults can be planted; skips the test on a GPU. */
  static Path emulator() {
    Assumptions.assumeTrue(isEmulated(), "faults are planted on the emulator only");
    return Path.of(System.getProperty(LibrarySearch.HOME_PROPERTY));
  }

  /** Flags of a JVM that uses the same device, with a cache of its own. */
  static List<String> flags(Path cache) {
    String home = System.getProperty(LibrarySearch.HOME_PROPERTY);
    String where = "-D" + UserCache.PROPERTY + "=" + cache;
    return home == null ? List.of(where) : List.of(where, "-D" + LibrarySearch.HOME_PROPERTY + "=" + home);
  }
}
