package dev.tandem.examples;

import dev.tandem.core.data.ArrayDataset;
import dev.tandem.core.data.DataLoader;
import dev.tandem.core.nn.Linear;
import dev.tandem.core.nn.Losses;
import dev.tandem.core.optim.Sgd;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.train.Trainer;
import java.io.IOException;

/** Trains with a learning rate that no training survives. */
final class Diverging implements Example {
  @Override
  public String name() {
    return "diverging";
  }

  @Override
  public String description() {
    return "diverges";
  }

  @Override
  public int epochs() {
    return 1;
  }

  @Override
  public void run(Session session) throws IOException {
    float[] ones = new float[400];
    java.util.Arrays.fill(ones, 1);
    DataLoader samples = new ArrayDataset(HostArray.of(ones, 100, 4), HostArray.of(new int[100], 100)).batches(1);
    session.fit(Trainer.of(new Linear(4, 2), Losses.crossEntropy(), new Sgd(1e38, 0.9)), samples, samples);
  }
}
