package dev.tandem.core.optim;

import java.util.Map;
import java.util.function.IntToDoubleFunction;

/** Another schedule at other times; the memory is that of the other. */
record DerivedSchedule(Schedule base, IntToDoubleFunction factors) implements Schedule {
  @Override
  public double factor(int step) {
    return factors.applyAsDouble(step);
  }

  @Override
  public void observe(double loss) {
    base.observe(loss);
  }

  @Override
  public Map<String, String> state() {
    return base.state();
  }

  @Override
  public void loadState(Map<String, String> state) {
    base.loadState(state);
  }
}
