package dev.tandem.cpu;

import org.slf4j.LoggerFactory;

/**
 * Whether vector instructions can be used, decided once. Classes that mention {@code jdk.incubator.vector} must be loaded only when
 * {@link #AVAILABLE}; {@code -Dtandem.cpu.vector=false} turns them off.
 */
final class Lanes {
  /** Whether the Vector API is there and wanted. */
  static final boolean AVAILABLE = available();

  private Lanes() {
  }

  private static boolean available() {
    if (!Boolean.parseBoolean(System.getProperty("tandem.cpu.vector", "true"))) {
      return false;
    }
    if (ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent()) {
      return true;
    }
    LoggerFactory.getLogger(Lanes.class)
        .warn("jdk.incubator.vector is not loaded: the CPU backend runs on its slow scalar kernels. "
            + "Start java with --add-modules jdk.incubator.vector");
    return false;
  }

  static String describe() {
    return AVAILABLE ? FloatLanes.COUNT * 32 + "-bit vectors" : "no vector instructions";
  }
}
