package dev.tandem.cuda;

import dev.tandem.core.testing.BackendAvailability;

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
}
