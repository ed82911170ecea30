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
    DataLoader samples =
        new ArrayDataset(HostArray.of(new float[] {1, 1}, 2, 1), HostArray.of(new int[] {0, 1}, 2)).batches(1);
    session.fit(Trainer.of(new Linear(1, 2), Losses.crossEntropy(), new Sgd(3e38)), samples, samples);
  }
}
