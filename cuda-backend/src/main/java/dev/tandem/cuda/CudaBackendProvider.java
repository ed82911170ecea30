package dev.tandem.cuda;

import dev.tandem.core.backend.Backend;
import dev.tandem.core.backend.BackendProvider;

/** NVIDIA GPUs, where the driver, CUDA's libraries and cuDNN are installed. */
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
    return Libraries.get().devices();
  }

  @Override
  public String refusal() {
    return Libraries.get().refusal();
  }

  @Override
  public Backend open(int ordinal) {
    Libraries libraries = Libraries.get();
    if (libraries.devices() == 0) {
      throw new CudaException(libraries.refusal());
    }
    if (ordinal < 0 || ordinal >= libraries.devices()) {
      throw new CudaException("there is no cuda:" + ordinal + "; this process sees "
          + (libraries.devices() == 1 ? "one GPU, cuda:0" : libraries.devices() + " GPUs, from cuda:0 on"));
    }
    return new CudaBackend(new CudaContext(ordinal));
  }
}
