package dev.tandem.examples;

import dev.tandem.core.data.DataLoader;
import dev.tandem.core.nn.Conv2d;
import dev.tandem.core.nn.Dropout;
import dev.tandem.core.nn.Flatten;
import dev.tandem.core.nn.Linear;
import dev.tandem.core.nn.Losses;
import dev.tandem.core.nn.MaxPool2d;
import dev.tandem.core.nn.Module;
import dev.tandem.core.nn.Relu;
import dev.tandem.core.nn.Sequential;
import dev.tandem.core.optim.Adam;
import dev.tandem.core.optim.Schedules;
import dev.tandem.core.train.Metrics;
import dev.tandem.core.train.Trainer;
import java.io.IOException;
import java.util.List;

/**
 * A convolutional network tells ten kinds of images apart, of the class of LeNet-5 (LeCun, Bottou, Bengio and Haffner,
 * "Gradient-based learning applied to document recognition", 1998): convolutions that see more and more of the image,
 * pooling between them, dense layers that judge.
 */
public final class Cnn implements Example {
  @Override
  public String name() {
    return "cnn";
  }

  @Override
  public String description() {
    return "a convolutional network on Fashion-MNIST, MNIST or CIFAR-10";
  }

  @Override
  public List<String> datasets() {
    return ImageSet.NAMES;
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
    ImageSet images = ImageSet.open(session).normalized();
    DataLoader train = images.train().batches(session.batch()).shuffled().seed(session.seed());
    DataLoader test = images.test().batches(256);

    var trainer = Trainer.of(network(images.channels(), images.side()), Losses.crossEntropy(), new Adam(2e-3))
        .schedule(Schedules.oneCycle(session.steps(train)))
        .metric(Metrics.accuracy());
    session.fit(trainer, train, test);
  }

  /** From {@code [N, channels, side, side]} to logits {@code [N, 10]}. */
  static Module network(int channels, int side) {
    // A convolution of 3 takes a border of 1 away, pooling half of what is left.
    int left = ((side - 2) / 2 - 2) / 2;
    return new Sequential(
        new Conv2d(channels, 32, 3), new Relu(), new MaxPool2d(2),
        new Conv2d(32, 64, 3), new Relu(), new MaxPool2d(2),
        new Flatten(),
        new Linear(64 * left * left, 128), new Relu(), new Dropout(0.25),
        new Linear(128, 10));
  }
}
