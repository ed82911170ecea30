package dev.tandem.core.tensor;

import java.util.ArrayList;
import java.util.List;

/** Fixed memory for what a step returns. Each run's tensors are readable until the next run begins. */
public final class StepResult {
  private final List<Tensor> memory = new ArrayList<>();
  private final Lifetime lifetime;

  /** @param name what a run is called in messages: {@code step} */
  public StepResult(String name) {
    lifetime = new Lifetime(name, 0);
  }

  /** A new run: results of the one before are gone. */
  public void begin() {
    lifetime.end();
  }

  /** Copies {@code values}; their number and shapes must be those of every other run. */
  public void assign(List<Tensor> values) {
    while (memory.size() < values.size()) {
      memory.add(Tensor.persistentLike(values.get(memory.size()), "results of a step"));
    }
    for (int i = 0; i < values.size(); i++) {
      memory.get(i).assign(values.get(i));
    }
  }

  public List<Tensor> get() {
    return memory.stream().map(t -> t.until(lifetime)).toList();
  }
}
