package dev.tandem.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The examples from command line to metrics. */
class TrainingTest {
  @TempDir Path folder;

  private List<Epoch> train(String... arguments) throws IOException {
    return Epoch.train(folder.resolve("metrics.json"), arguments);
  }

  @ParameterizedTest
  @ValueSource(strings = {"42", "1", "2", "3"})
  void xorIsLearned(String seed) throws IOException {
    List<Epoch> epochs = train("xor", "--seed", seed);
    assertThat(epochs).hasSize(10);
    // The network as first published, in double precision and from its own seed, came to 0.0013 after 1000 iterations.
    assertThat(epochs.get(4).trainLoss()).isBetween(1e-4, 0.01);
    assertThat(epochs.get(9).trainLoss()).isLessThan(epochs.get(4).trainLoss());
  }

  @ParameterizedTest
  @ValueSource(strings = {"42", "1", "2"})
  void logisticRegressionReaches95Percent(String seed) throws IOException {
    List<Epoch> epochs = train("logistic", "--seed", seed);
    assertThat(epochs).hasSize(20);
    assertThat(epochs.getLast().validationAccuracy()).isBetween(0.95, 1.0);
  }

  @Test
  void twentyStepsOfThePerceptronOnTheShippedSampleLowerTheLoss() throws IOException {
    List<Epoch> epochs = train("mlp", "--epochs", "1", "--steps", "20");
    assertThat(epochs).hasSize(1);
    // A guess at ten classes costs ln 10 = 2.303.
    assertThat(epochs.getFirst().trainLoss()).isBetween(0.5, 2.0);
    assertThat(epochs.getFirst().validationLoss()).isBetween(0.4, epochs.getFirst().trainLoss());
    assertThat(epochs.getFirst().validationAccuracy()).isGreaterThan(0.5);
  }

  @Test
  void theSameSeedTrainsTheSameReplayedOrNot() throws IOException {
    List<Epoch> first = train("logistic", "--epochs", "3");
    assertThat(train("logistic", "--epochs", "3")).isEqualTo(first);
    assertThat(train("logistic", "--epochs", "3", "--no-capture")).isEqualTo(first);
    assertThat(train("logistic", "--epochs", "3", "--seed", "43")).isNotEqualTo(first);
  }

  @Test
  void aResumedTrainingIsTheUninterruptedOne() throws IOException {
    List<Epoch> uninterrupted = train("mlp", "--epochs", "3", "--steps", "5");
    String checkpoint = folder.resolve("checkpoint").toString();
    Path resumed = folder.resolve("resumed.json");
    Epoch.train(resumed, "mlp", "--epochs", "1", "--steps", "5", "--checkpoint", checkpoint);
    assertThat(Epoch.train(resumed, "mlp", "--epochs", "3", "--steps", "5", "--checkpoint", checkpoint, "--resume"))
        .isEqualTo(uninterrupted);
  }

  @Test
  void nothingLeftToTrainIsStatus2() throws IOException {
    String checkpoint = folder.resolve("checkpoint").toString();
    train("logistic", "--epochs", "1", "--checkpoint", checkpoint);
    Program program =
        Program.run("logistic", "--device", "cpu", "--epochs", "1", "--checkpoint", checkpoint, "--resume");
    assertThat(program).isEqualTo(new Program(2, List.of(),
        List.of("error: nothing is left to train: " + checkpoint + " has 1 of 1 epochs; ask for more with --epochs")));
  }

  @ParameterizedTest
  @ValueSource(strings = {"--batch", "--data", "--checkpoint"})
  void aHandWrittenLoopRefusesWhatItWouldIgnore(String option) {
    String value = option.equals("--batch") ? "2" : folder.toString();
    assertThat(Program.run("xor", "--device", "cpu", option, value)).isEqualTo(
        new Program(2, List.of(), List.of("error: xor has no use for " + option + "; leave it out")));
  }

  @Test
  void withoutACheckpointThereIsNothingToResume() {
    Program program = Program.run("logistic", "--device", "cpu", "--checkpoint", folder.toString(), "--resume");
    assertThat(program.status()).isEqualTo(2);
    assertThat(program.out()).isEmpty();
    assertThat(program.err()).singleElement().asString().contains(folder.resolve("checkpoint.safetensors").toString());
  }

  @Test
  void aLossThatIsNoNumberStopsTheTraining() {
    Program program = Program.run(new Diverging(), "diverging", "--device", "cpu");
    assertThat(program.status()).isEqualTo(1);
    assertThat(program.err()).singleElement().asString()
        .matches("error: the loss became (NaN|-?Infinity) in epoch 1, step \\d+; .*");
  }

  @Test
  void theFirstLineSaysWhatTrainsOnWhat() {
    Program program = Program.run("logistic", "--device", "cpu", "--epochs", "1");
    assertThat(program.out().getFirst()).startsWith("logistic: 62 parameters on cpu (")
        .endsWith(") in fp32, 455 training and 114 test samples");
    assertThat(program.out()).hasSize(2);
    assertThat(program.out().getLast()).startsWith("epoch 1/1  train loss ").endsWith(" samples/s");
  }

  @Test
  void devicesAreListed() {
    Program program = Program.run("devices");
    assertThat(program.status()).isZero();
    assertThat(program.out()).anyMatch(line -> line.startsWith("cpu: ") && line.endsWith("; computes in fp32"));
  }
}
