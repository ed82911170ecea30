package dev.tandem.core.optim;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Reduces the learning rate when the loss has stopped falling, as PyTorch does. A loss counts as lower if it is so
 * by more than a share of the lowest one. {@code Trainer} tells it the validation loss after each epoch; a loop of
 * one's own calls {@link #observe}.
 */
public final class ReduceOnPlateau implements Schedule {
  private final double factor;
  private final int patience;
  private final double threshold;
  private final int cooldown;
  private final double minimum;
  private State now = new State(1, Double.POSITIVE_INFINITY, 0, 0);

  /** @param cooling epochs that still do not count */
  private record State(double factor, double best, int badEpochs, int cooling) {
    State {
      Optimizer.require(factor >= 0 && factor <= 1 && !Double.isNaN(best) && badEpochs >= 0 && cooling >= 0,
          "its numbers contradict each other");
    }
  }

  /** PyTorch's defaults: a tenth after more than 10 epochs, by a threshold of 1e-4, without cooldown and minimum. */
  public ReduceOnPlateau() {
    this(0.1, 10);
  }

  public ReduceOnPlateau(double factor, int patience) {
    this(factor, patience, 1e-4, 0, 0);
  }

  /**
   * @param factor what the learning rate is multiplied by, below 1
   * @param patience epochs without a lower loss that are put up with; the next one reduces
   * @param threshold share of the lowest loss that a lower one must be below it
   * @param cooldown epochs after a reduction that do not count
   * @param minimum fraction of the optimizer's learning rate below which it is never reduced
   */
  public ReduceOnPlateau(double factor, int patience, double threshold, int cooldown, double minimum) {
    Optimizer.require(factor > 0 && factor < 1, "a factor that reduces lies between 0 and 1, not " + factor);
    Optimizer.require(patience >= 0 && cooldown >= 0,
        "patience and cooldown must not be negative, but are " + patience + " and " + cooldown);
    Optimizer.requireNotNegative("the threshold", threshold);
    Schedules.requireMinimum(minimum);
    this.factor = factor;
    this.patience = patience;
    this.threshold = threshold;
    this.cooldown = cooldown;
    this.minimum = minimum;
  }

  @Override
  public double factor(int step) {
    return now.factor;
  }

  @Override
  public void observe(double loss) {
    boolean lower = loss < (Double.isInfinite(now.best) ? now.best : now.best - threshold * Math.abs(now.best));
    double best = lower ? loss : now.best;
    int bad = lower || now.cooling > 0 ? 0 : now.badEpochs + 1;
    now = bad > patience
        ? new State(Math.max(minimum, now.factor * factor), best, 0, cooldown)
        : new State(now.factor, best, bad, Math.max(0, now.cooling - 1));
  }

  @Override
  public Map<String, String> state() {
    Map<String, String> values = new LinkedHashMap<>();
    values.put("factor", Double.toString(now.factor));
    values.put("best", Double.toString(now.best));
    values.put("bad_epochs", Integer.toString(now.badEpochs));
    values.put("cooling", Integer.toString(now.cooling));
    return values;
  }

  @Override
  public void loadState(Map<String, String> state) {
    if (state.isEmpty()) {
      return;
    }
    try {
      now = new State(Double.parseDouble(value(state, "factor")), Double.parseDouble(value(state, "best")),
          Integer.parseInt(value(state, "bad_epochs")), Integer.parseInt(value(state, "cooling")));
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(state + " is no state of ReduceOnPlateau: " + e.getMessage(), e);
    }
  }

  private static String value(Map<String, String> state, String name) {
    String text = state.get(name);
    if (text == null) {
      throw new IllegalArgumentException(name + " is missing");
    }
    return text;
  }
}
