package dev.tandem.cuda;

import dev.tandem.core.backend.Backend;
import dev.tandem.core.backend.BackendProvider;

/** NVIDIA GPUs, where the driver and the libraries are installed. */
public final class CudaBackendProvider implements BackendProvider {
  @Override
  public String name() {
    return "cuda";
  }

  @Override
  public int preference() {
    return 100;
  }

  @Override
  public int devices() {
    return 0;
  }

  @Override
  public String refusal() {
    return "not built yet";
  }

  @Override
  public Backend open(int ordinal) {
    return new CudaBackend(new CudaContext(ordinal));
  }
}
