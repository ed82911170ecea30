package dev.tandem.examples;

import dev.tandem.core.data.DataLoader;
import dev.tandem.core.nn.BatchNorm2d;
import dev.tandem.core.nn.Conv2d;
import dev.tandem.core.nn.ConvOptions;
import dev.tandem.core.nn.GlobalAvgPool2d;
import dev.tandem.core.nn.Initializers;
import dev.tandem.core.nn.Linear;
import dev.tandem.core.nn.Losses;
import dev.tandem.core.nn.Module;
import dev.tandem.core.nn.Relu;
import dev.tandem.core.nn.Residual;
import dev.tandem.core.nn.Sequential;
import dev.tandem.core.optim.Schedules;
import dev.tandem.core.optim.Sgd;
import dev.tandem.core.train.Metrics;
import dev.tandem.core.train.Trainer;
import java.io.IOException;
import java.util.List;

/**
 * A residual network: each block learns what to add to its input, so that depth does not hide the gradient (He, Zhang,
 * Ren and Sun, "Deep residual learning for image recognition", 2016; this is the network of its section 4.2 with n = 2).
 * Stochastic gradient descent whose learning rate rises and falls once.
 */
public final class Resnet implements Example {
  @Override
  public String name() {
    return "resnet";
  }

  @Override
  public String description() {
    return "a residual network on Fashion-MNIST, MNIST or CIFAR-10";
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

    var trainer = Trainer.of(network(images.channels()), Losses.crossEntropy(), new Sgd(0.1, 0.9, 5e-4, true))
        .schedule(Schedules.oneCycle(session.steps(train)))
        .metric(Metrics.accuracy());
    session.fit(trainer, train, test);
  }

  /** From {@code [N, channels, H, W]} to logits {@code [N, 10]}: three stages, each of half the size and twice the width. */
  static Module network(int channels) {
    return new Sequential(
        convolution(channels, 16, 3, 1), new BatchNorm2d(16), new Relu(),
        block(16, 16, 1), block(16, 16, 1),
        block(16, 32, 2), block(32, 32, 1),
        block(32, 64, 2), block(64, 64, 1),
        new GlobalAvgPool2d(),
        new Linear(64, 10));
  }

  private static Module block(int in, int out, int stride) {
    var body = new Sequential(
        convolution(in, out, 3, stride), new BatchNorm2d(out), new Relu(),
        convolution(out, out, 3, 1), new BatchNorm2d(out));
    Residual residual = in == out && stride == 1
        ? new Residual(body)
        : new Residual(body, new Sequential(convolution(in, out, 1, stride), new BatchNorm2d(out)));
    return new Sequential(residual, new Relu());
  }

  /** Without a bias, as the normalisation after it has one. */
  private static Module convolution(int in, int out, int kernel, int stride) {
    return new Conv2d(in, out, kernel, ConvOptions.DEFAULT.withStride(stride).withPadding(kernel / 2).withBias(false)
        .withWeightInit(Initializers.heNormal()));
  }
}
