package dev.tandem.examples;

import dev.tandem.core.data.Batch;
import dev.tandem.core.data.DataLoader;
import dev.tandem.core.data.Dataset;
import dev.tandem.core.nn.Conv2d;
import dev.tandem.core.nn.ConvOptions;
import dev.tandem.core.nn.ConvTranspose2d;
import dev.tandem.core.nn.Flatten;
import dev.tandem.core.nn.Linear;
import dev.tandem.core.nn.Losses;
import dev.tandem.core.nn.Module;
import dev.tandem.core.nn.Relu;
import dev.tandem.core.nn.Sequential;
import dev.tandem.core.nn.Sigmoid;
import dev.tandem.core.optim.Adam;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.tensor.Tensor;
import dev.tandem.core.train.Trainer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;

/**
 * An autoencoder: a network that must give its input back and has only 32 numbers to remember it by (Hinton and
 * Salakhutdinov, "Reducing the dimensionality of data with neural networks", 2006), here with convolutions on the way
 * in and transposed ones on the way out. With {@code --output FILE} it draws test images above what it makes of them.
 */
public final class Autoencoder implements Example {
  private static final int CODE = 32;
  private static final int SHOWN = 16;

  @Override
  public String name() {
    return "autoencoder";
  }

  @Override
  public String description() {
    return "a convolutional autoencoder on Fashion-MNIST or MNIST";
  }

  @Override
  public List<String> datasets() {
    return ImageSet.GREY;
  }

  @Override
  public boolean hasOutput() {
    return true;
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
    ImageSet images = ImageSet.open(session);
    // The input is the target too.
    Dataset train = images.train().map(batch -> Batch.of(batch.get(0), batch.get(0)));
    Dataset test = images.test().map(batch -> Batch.of(batch.get(0), batch.get(0)));

    var trainer = Trainer.of(new Network(), Losses.mse(), new Adam(1e-3));
    DataLoader shuffled = train.batches(session.batch()).shuffled().seed(session.seed());
    Double error = session.fit(trainer, shuffled, test.batches(256)).last().validationLoss();
    session.print("mean squared error of test images " + error + "; of the mean of the training images in their place "
        + meanImageError(train, test));

    Path file = session.output();
    if (file != null) {
      HostArray originals = test.batch(IntStream.range(0, SHOWN).toArray()).get(0);
      Tensor reconstructions = trainer.model().apply(Tensor.of(session.device(), originals));
      Picture.write(file, originals, reconstructions.toHost());
    }
  }

  /** {@code [N, 1, 28, 28] -> [N, 1, 28, 28]}, by way of a code {@code [N, 32]}. */
  static final class Network extends Module {
    private static final ConvOptions HALVES = ConvOptions.DEFAULT.withStride(2).withPadding(1);

    private final Module encoder = child("encoder", new Sequential(
        new Conv2d(1, 16, 4, HALVES), new Relu(),
        new Conv2d(16, 32, 4, HALVES), new Relu(),
        new Flatten(), new Linear(32 * 7 * 7, CODE)));
    private final Module expansion = child("expansion", new Sequential(
        new Linear(CODE, 32 * 7 * 7), new Relu()));
    private final Module decoder = child("decoder", new Sequential(
        new ConvTranspose2d(32, 16, 4, HALVES, 0), new Relu(),
        new ConvTranspose2d(16, 1, 4, HALVES, 0), new Sigmoid()));

    @Override
    protected Tensor forward(Tensor images) {
      Tensor code = encoder.apply(images);
      return decoder.apply(expansion.apply(code).reshape(-1, 32, 7, 7));
    }
  }

  /** What knowing nothing of an image costs: the error of the same picture, the best one, for every test image. */
  private static double meanImageError(Dataset train, Dataset test) {
    double[] mean = new double[(int) train.specs().getFirst().shape().size()];
    for (Batch batch : train.batches(256)) {
      float[] pixels = batch.get(0).toFloats();
      for (int i = 0; i < pixels.length; i++) {
        mean[i % mean.length] += pixels[i] / (double) train.size();
      }
    }
    double sum = 0;
    for (Batch batch : test.batches(256)) {
      float[] pixels = batch.get(0).toFloats();
      for (int i = 0; i < pixels.length; i++) {
        double d = pixels[i] - mean[i % mean.length];
        sum += d * d;
      }
    }
    return sum / mean.length / test.size();
  }
}
