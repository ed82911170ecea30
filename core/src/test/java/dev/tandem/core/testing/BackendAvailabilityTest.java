package dev.tandem.core.testing;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.ResourceLock;
import org.junit.jupiter.api.parallel.Resources;
import org.opentest4j.AssertionFailedError;
import org.opentest4j.TestAbortedException;

@ResourceLock(Resources.SYSTEM_PROPERTIES)
class BackendAvailabilityTest {
  private String before = "";

  @BeforeEach
  void remember() {
    before = System.getProperty(BackendAvailability.REQUIRED, "");
  }

  @AfterEach
  void restore() {
    System.setProperty(BackendAvailability.REQUIRED, before);
  }

  @Test
  void anAvailableBackendIsTested() {
    System.setProperty(BackendAvailability.REQUIRED, "cuda");
    assertThatCode(() -> BackendAvailability.check("cuda", "")).doesNotThrowAnyException();
  }

  @Test
  void anAbsentBackendIsSkippedWithItsReason() {
    System.setProperty(BackendAvailability.REQUIRED, "cpu");
    assertThatThrownBy(() -> BackendAvailability.check("cuda", "no driver")).isInstanceOf(TestAbortedException.class)
        .hasMessageContaining("backend cuda is not available: no driver");
  }

  @Test
  void aRequiredBackendMustNotBeAbsent() {
    System.setProperty(BackendAvailability.REQUIRED, "cpu, cuda");
    assertThatThrownBy(() -> BackendAvailability.check("cuda", "no driver")).isInstanceOf(AssertionFailedError.class)
        .hasMessage("backend cuda is not available: no driver (-Drequire.backend=cuda demands it)");
  }
}
