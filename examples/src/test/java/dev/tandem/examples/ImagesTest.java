package dev.tandem.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.tandem.core.data.Normalize;
import dev.tandem.core.nn.Module;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.tensor.Tensor;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The examples on images, with the sample that comes with them. */
class ImagesTest {
  /** What a guess at ten classes costs. */
  private static final double GUESS = Math.log(10);

  @TempDir Path folder;

  private List<Epoch> train(String... arguments) throws IOException {
    return Epoch.train(folder.resolve("metrics.json"), arguments);
  }

  private static ImageSet sample() throws IOException {
    var out = new PrintStream(PrintStream.nullOutputStream(), true, StandardCharsets.UTF_8);
    return ImageSet.open(new Session(new Cnn(), Options.parse("cnn", "--device", "cpu"), out));
  }

  @ParameterizedTest
  @ValueSource(strings = {"cnn", "resnet"})
  void aFewStepsOfAClassifierLowerTheLossAndAreReplayed(String example) throws IOException {
    Path metrics = folder.resolve("metrics.json");
    Program program = Program.run(example, "--device", "cpu", "--epochs", "2", "--steps", "16", "--batch", "32",
        "--verbose", "--metrics", metrics.toString());
    assertThat(program.err()).isEmpty();
    assertThat(program.status()).isZero();
    assertThat(program.out().getLast()).startsWith("steps: replaying ");
    List<Epoch> epochs = Epoch.read(metrics);
    assertThat(epochs).hasSize(2);
    assertThat(epochs.getFirst().trainLoss()).isBetween(0.8, 1.2 * GUESS);
    assertThat(epochs.getLast().trainLoss()).isBetween(0.3, 0.75 * epochs.getFirst().trainLoss());
    // With so few steps behind them, running statistics of a batch normalisation are not those of the data yet.
    assertThat(epochs.getLast().validationLoss()).isBetween(0.3, example.equals("cnn") ? 1.2 : 10);
    assertThat(epochs.getLast().validationAccuracy()).isBetween(example.equals("cnn") ? 0.6 : 0.05, 1.0);
  }

  @Test
  void theSameSeedTrainsTheSameReplayedOrNot() throws IOException {
    List<Epoch> first = train("cnn", "--epochs", "1", "--steps", "6", "--batch", "16");
    assertThat(train("cnn", "--epochs", "1", "--steps", "6", "--batch", "16", "--no-capture")).isEqualTo(first);
    assertThat(train("cnn", "--epochs", "1", "--steps", "6", "--batch", "16", "--seed", "7")).isNotEqualTo(first);
  }

  @Test
  void theAutoencoderBeatsTheMeanImageAndDrawsWhatItMakes() throws IOException {
    Path picture = folder.resolve("picture.png");
    Program program = Program.run("autoencoder", "--device", "cpu", "--epochs", "2", "--steps", "60", "--verbose",
        "--output", picture.toString());
    assertThat(program.err()).isEmpty();
    assertThat(program.status()).isZero();
    assertThat(program.out()).anyMatch(line -> line.startsWith("steps: replaying "));
    Matcher line = Pattern.compile("mean squared error of the reconstructions (\\S+), of the mean .* (\\S+)")
        .matcher(program.out().getLast());
    assertThat(line.matches()).isTrue();
    double error = Double.parseDouble(line.group(1));
    double trivial = Double.parseDouble(line.group(2));
    // NumPy says 0.086835 of the mean of the 6000 training images and the 1000 test images.
    assertThat(trivial).isEqualTo(0.0868);
    assertThat(error).isBetween(0.005, 0.6 * trivial);

    BufferedImage drawn = ImageIO.read(picture.toFile());
    assertThat(drawn.getWidth()).isEqualTo(16 * 28);
    assertThat(drawn.getHeight()).isEqualTo(2 * 28);
    double squares = 0;
    float[] originals = sample().test().batch(new int[] {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}).get(0)
        .toFloats();
    for (int i = 0; i < originals.length; i++) {
      int x = i / 784 * 28 + i % 28;
      int y = i / 28 % 28;
      assertThat(drawn.getRaster().getSample(x, y, 0)).isEqualTo(Math.round(originals[i] * 255));
      double d = (drawn.getRaster().getSample(x, y + 28, 0) / 255.0) - originals[i];
      squares += d * d;
    }
    // 16 of the images that the error is the mean of.
    assertThat(squares / originals.length).isBetween(0.5 * error, 2 * error);
  }

  @Test
  void colourImagesOfAnotherSizeFitTheClassifiers() {
    Device cpu = Device.of("cpu");
    for (Module network : List.of(Cnn.network(3, 32), Resnet.network(3))) {
      network.on(cpu, 1);
      assertThat(network.apply(Tensor.zeros(cpu, 2, 3, 32, 32)).shape()).isEqualTo(Shape.of(2, 10));
    }
  }

  @Test
  void normalizedImagesAreMeasuredByTheTrainingImages() throws IOException {
    ImageSet images = sample();
    Normalize before = Normalize.overall(images.train(), 0);
    ImageSet normalized = images.normalized();
    assertThat(normalized.channels()).isEqualTo(1);
    assertThat(normalized.side()).isEqualTo(28);
    Normalize train = Normalize.overall(normalized.train(), 0);
    assertThat(train.mean()[0]).isCloseTo(0, within(1e-6));
    assertThat(train.std()[0]).isCloseTo(1, within(1e-6));
    HostArray raw = images.test().batch(new int[] {3}).get(0);
    HostArray test = normalized.test().batch(new int[] {3}).get(0);
    assertThat(test.get(400)).isCloseTo((raw.get(400) - before.mean()[0]) / before.std()[0], within(1e-6));
  }

  @ParameterizedTest
  @CsvSource(textBlock = """
      cnn, mnist, MNIST not found: the folder, has neither train-images-idx3-ubyte.gz nor
      cnn, fashion-mnist, Fashion-MNIST not found: the folder, has neither train-images-idx3-ubyte.gz nor
      resnet, cifar10, CIFAR-10 not found: the folder, has neither data_batch_1.bin.gz nor data_batch_1.bin
      autoencoder, mnist, MNIST not found: the folder, has neither train-images-idx3-ubyte.gz nor
      """)
  void missingImagesAreOneLineAndStatus2(String example, String dataset, String error, String files) {
    Program program =
        Program.run(example, "--device", "cpu", "--dataset", dataset, "--data", folder.toString());
    assertThat(program.status()).isEqualTo(2);
    assertThat(program.out()).isEmpty();
    assertThat(program.err()).singleElement().asString().startsWith("error: " + error + " " + folder + " " + files);
  }
}
