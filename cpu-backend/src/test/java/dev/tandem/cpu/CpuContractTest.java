package dev.tandem.cpu;

import dev.tandem.core.backend.Backend;
import dev.tandem.core.testing.BackendContract;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Tag;

/** The contract of every backend, with a caller that works alone and with a team. */
class CpuContractTest {
  private static final Backend ALONE = new CpuBackend(1);
  private static final Backend TEAM = new CpuBackend(3);

  @AfterAll
  static void close() {
    ALONE.close();
    TEAM.close();
  }

  @Nested
  class OneThread extends BackendContract {
    @Override
    protected Backend backend() {
      return ALONE;
    }
  }

  @Nested
  @Tag("team")
  class ThreeThreads extends BackendContract {
    @Override
    protected Backend backend() {
      return TEAM;
    }
  }
}
