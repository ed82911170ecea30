package dev.tandem.cuda;

import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.Replay;
import java.util.List;

/** Prepared calls, run one after the other: what a graph is captured from, and the replay where there is none. */
final class CallList implements Replay {
  private final CudaContext context;
  private final List<Ready> calls;
  private final String notCaptured;

  /** A call, which keeps its memory alive, and its work. */
  record Ready(Call call, Runnable work) {
  }

  /** @param notCaptured why this is no graph, for {@link #describe} */
  private CallList(CudaContext context, List<Ready> calls, String notCaptured) {
    this.context = context;
    this.calls = calls;
    this.notCaptured = notCaptured;
  }

  CallList(CudaContext context, List<Ready> calls) {
    this(context, List.copyOf(calls), "");
  }

  /** The same calls, which could not be captured for the reason given. */
  CallList notCaptured(String why) {
    return new CallList(context, calls, why);
  }

  int size() {
    return calls.size();
  }

  @Override
  public void run() {
    context.enter();
    for (Ready c : calls) {
      context.run(c.call, c.work);
    }
  }

  @Override
  public String describe() {
    return calls.size() + " calls" + (notCaptured.isEmpty() ? "" : ", not captured: " + notCaptured);
  }
}
