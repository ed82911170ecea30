package dev.tandem.examples;

import dev.tandem.core.data.Dataset;
import dev.tandem.core.data.FashionMnist;
import dev.tandem.core.nn.Flatten;
import dev.tandem.core.nn.Linear;
import dev.tandem.core.nn.Losses;
import dev.tandem.core.nn.Relu;
import dev.tandem.core.nn.Sequential;
import dev.tandem.core.optim.Adam;
import dev.tandem.core.train.Metrics;
import dev.tandem.core.train.Trainer;
import java.io.IOException;
import java.nio.file.Path;

/**
 * A multilayer perceptron tells ten kinds of clothes apart: Fashion-MNIST (Xiao, Rasul and Vollgraf, 2017, MIT
 * licence), 28×28 grey pixels. Trains on a sample that comes with the program, or with {@code --data DIR} on the full
 * set.
 */
public final class Mlp implements Example {
  @Override
  public String name() {
    return "mlp";
  }

  @Override
  public String description() {
    return "a multilayer perceptron on Fashion-MNIST";
  }

  @Override
  public int epochs() {
    return 5;
  }

  @Override
  public int batch() {
    return 64;
  }

  @Override
  public void run(Session session) throws IOException {
    Path folder = session.data();
    Dataset train = folder == null ? ImageSet.sample("train") : FashionMnist.train(folder);
    Dataset test = folder == null ? ImageSet.sample("t10k") : FashionMnist.test(folder);

    var model = new Sequential(
        new Flatten(),
        new Linear(784, 512), new Relu(),
        new Linear(512, 512), new Relu(),
        new Linear(512, 10));
    var trainer = Trainer.of(model, Losses.crossEntropy(), new Adam(1e-3)).metric(Metrics.accuracy());
    session.fit(trainer, train.batches(session.batch()).shuffled().seed(session.seed()), test.batches(256));
  }
}
