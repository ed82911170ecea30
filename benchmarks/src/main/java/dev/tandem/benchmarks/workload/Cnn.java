package dev.tandem.benchmarks.workload;

import dev.tandem.core.data.Batch;
import dev.tandem.core.nn.Conv2d;
import dev.tandem.core.nn.Flatten;
import dev.tandem.core.nn.Linear;
import dev.tandem.core.nn.MaxPool2d;
import dev.tandem.core.nn.Module;
import dev.tandem.core.nn.Relu;
import dev.tandem.core.nn.Sequential;
import dev.tandem.core.optim.Optimizer;
import dev.tandem.core.optim.Sgd;

/** Convolutions 1→32→64 of 3×3 with ReLU, maxima of 2×2, dense layers 9216-128-10, trained with plain SGD. */
public record Cnn(String name, int batch) implements Workload {
  private static final int SIDE = 28;
  private static final int FLAT = 64 * 12 * 12;
  private static final int HIDDEN = 128;
  private static final int CLASSES = 10;

  @Override
  public String description() {
    return "convolutions 1-32-64, dense 9216-128-10, SGD, batch " + batch;
  }

  @Override
  public int size() {
    return SIDE;
  }

  @Override
  public Workload withBatch(int samples) {
    return new Cnn(name, samples);
  }

  @Override
  public Workload withSize(int size) {
    return requireSize(size);
  }

  @Override
  public Module model() {
    return new Sequential(new Conv2d(1, 32, 3), new Relu(), new Conv2d(32, 64, 3), new Relu(), new MaxPool2d(2),
        new Flatten(), new Linear(FLAT, HIDDEN), new Relu(), new Linear(HIDDEN, CLASSES));
  }

  @Override
  public Optimizer optimizer() {
    return new Sgd(0.01);
  }

  @Override
  public Batch data() {
    return Batch.of(new SplitMix64(INPUTS).floats(batch, 1, SIDE, SIDE),
        new SplitMix64(LABELS).integers(CLASSES, batch));
  }

  /** A kernel of 3 takes a border of 1 away: 28, 26, 24 pixels a side. */
  @Override
  public long multiplyAdds() {
    return firstMultiplyAdds() + (long) batch * (24 * 24 * 64 * 32 * 9 + FLAT * HIDDEN + HIDDEN * CLASSES);
  }

  @Override
  public long firstMultiplyAdds() {
    return (long) batch * 26 * 26 * 32 * 9;
  }
}
