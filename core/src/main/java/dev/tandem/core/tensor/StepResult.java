package dev.tandem.core.tensor;

import dev.tandem.core.backend.Operand;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What a step returns, readable until the next run begins. What the step made stays where it is: nothing else is written there before
 * that. Other tensors, such as parameters, may change before they are read and are copied to fixed memory.
 */
public final class StepResult {
  private final StepArena arena;
  private final Map<Integer, Tensor> copies = new HashMap<>();
  private final Lifetime lifetime;
  private List<Tensor> values = List.of();
  private List<Operand> places = List.of();

  /**
   * @param arena where the step makes its tensors
   * @param name what a run is called in messages: {@code step}
   */
  public StepResult(StepArena arena, String name) {
    this.arena = arena;
    lifetime = new Lifetime(name, 0);
  }

  /** A new run: results of the one before are gone. */
  public void begin() {
    lifetime.end();
  }

  /**
   * Takes the results of a run, at its end.
   *
   * @return whether they lie where those of the run before lay, so that a replay of that one gives them
   */
  public boolean assign(List<Tensor> results) {
    List<Tensor> now = new ArrayList<>();
    for (int i = 0; i < results.size(); i++) {
      Tensor result = results.get(i);
      now.add(result.lease().isOf(arena) ? result : copied(i, result));
    }
    List<Operand> before = places;
    values = now;
    places = Execution.operands(now);
    return places.equals(before);
  }

  public List<Tensor> get() {
    List<Tensor> results = new ArrayList<>(values.size());
    for (Tensor t : values) {
      results.add(t.until(lifetime));
    }
    return List.copyOf(results);
  }

  private Tensor copied(int i, Tensor result) {
    Tensor copy = copies.computeIfAbsent(i, _ -> Tensor.persistentLike(result, "results of a step"));
    copy.assign(result);
    return copy;
  }
}
