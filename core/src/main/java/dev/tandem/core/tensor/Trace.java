package dev.tandem.core.tensor;

import dev.tandem.core.backend.Call;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The calls of one step, and what in it, if anything, a replay could not repeat. */
public final class Trace {
  private final List<Call> calls = new ArrayList<>();
  private @Nullable String refusal;

  void add(Call call) {
    calls.add(call);
  }

  void refuse(String why) {
    if (refusal == null) {
      refusal = why;
    }
  }

  public List<Call> calls() {
    return calls;
  }

  /** The first thing that kept the step from being repeatable, or null. */
  public @Nullable String refusal() {
    return refusal;
  }
}
