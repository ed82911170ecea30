package dev.tandem.benchmarks.workload;

import dev.tandem.core.data.Batch;
import dev.tandem.core.nn.Linear;
import dev.tandem.core.nn.Module;
import dev.tandem.core.nn.Relu;
import dev.tandem.core.nn.Sequential;
import dev.tandem.core.optim.Adam;
import dev.tandem.core.optim.Optimizer;

/** A perceptron 784-512-256-10 with ReLU, trained with Adam. */
public record Mlp(String name, int batch) implements Workload {
  private static final int PIXELS = 784;
  private static final int HIDDEN1 = 512;
  private static final int HIDDEN2 = 256;
  private static final int CLASSES = 10;

  @Override
  public String description() {
    return "perceptron 784-512-256-10, Adam, batch " + batch;
  }

  @Override
  public int size() {
    return 28;
  }

  @Override
  public Workload withBatch(int samples) {
    return new Mlp(name, samples);
  }

  @Override
  public Workload withSize(int size) {
    return requireSize(size);
  }

  @Override
  public Module model() {
    return new Sequential(new Linear(PIXELS, HIDDEN1), new Relu(), new Linear(HIDDEN1, HIDDEN2), new Relu(),
        new Linear(HIDDEN2, CLASSES));
  }

  @Override
  public Optimizer optimizer() {
    return new Adam(1e-3);
  }

  @Override
  public Batch data() {
    return Batch.of(new SplitMix64(INPUTS).floats(batch, PIXELS), new SplitMix64(LABELS).integers(CLASSES, batch));
  }

  @Override
  public long multiplyAdds() {
    return (long) batch * (PIXELS * HIDDEN1 + HIDDEN1 * HIDDEN2 + HIDDEN2 * CLASSES);
  }

  @Override
  public long firstMultiplyAdds() {
    return (long) batch * PIXELS * HIDDEN1;
  }
}
