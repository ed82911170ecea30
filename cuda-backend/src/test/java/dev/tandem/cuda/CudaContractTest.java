package dev.tandem.cuda;

import dev.tandem.core.backend.Backend;
import dev.tandem.core.testing.BackendContract;
import org.junit.jupiter.api.BeforeEach;

/** The contract of every backend, on a GPU or the emulator. */
class CudaContractTest extends BackendContract {
  @BeforeEach
  void available() {
    Cuda.backend();
  }

  @Override
  protected Backend backend() {
    return Cuda.backend();
  }
}
