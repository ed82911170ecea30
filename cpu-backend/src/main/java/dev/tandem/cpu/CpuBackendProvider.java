package dev.tandem.cpu;

import dev.tandem.core.backend.Backend;
import dev.tandem.core.backend.BackendProvider;

/** Every machine has this one. */
public final class CpuBackendProvider implements BackendProvider {
  @Override
  public String name() {
    return "cpu";
  }

  @Override
  public int preference() {
    return 0;
  }

  @Override
  public int devices() {
    return 1;
  }

  @Override
  public String refusal() {
    return "";
  }

  @Override
  public Backend open(int ordinal) {
    return new CpuBackend();
  }
}
