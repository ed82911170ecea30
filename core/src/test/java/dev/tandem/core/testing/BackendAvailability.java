package dev.tandem.core.testing;

import java.util.Arrays;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Assumptions;

/**
 * For backends that may be absent. A test of an absent backend is skipped and says why, unless the system property
 * {@code require.backend}, a list separated by commas, names the backend: then it fails. So a machine that is meant
 * to have the device cannot pass by skipping.
 */
public final class BackendAvailability {
  /** The system property that turns skips into failures. */
  public static final String REQUIRED = "require.backend";

  private BackendAvailability() {
  }

  /**
   * @param name of the backend: {@code cuda}
   * @param refusal why it cannot be used, as {@link dev.tandem.core.backend.BackendProvider#refusal} says; empty when
   *     it can
   */
  public static void check(String name, String refusal) {
    if (refusal.isEmpty()) {
      return;
    }
    String message = "backend " + name + " is not available: " + refusal;
    boolean required = Arrays.stream(System.getProperty(REQUIRED, "").split(",")).anyMatch(r -> r.strip().equals(name));
    if (required) {
      Assertions.fail(message + " (-D" + REQUIRED + "=" + name + " demands it)");
    }
    Assumptions.abort(message);
  }
}
