package dev.tandem.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The examples on text, on a time series and on a graph. */
class SequenceTest {
  private static final String SENTENCE = "Call me Ishmael. Some years ago--never mind how long precisely. ";

  @TempDir Path folder;

  private static Program run(String... arguments) {
    Program program = Program.run(arguments);
    assertThat(program.err()).isEmpty();
    assertThat(program.status()).isZero();
    return program;
  }

  private static double number(Program program, String pattern) {
    Matcher m = Pattern.compile(pattern).matcher(String.join("\n", program.out()));
    assertThat(m.find()).as("%s in %s", pattern, program.out()).isTrue();
    return Double.parseDouble(m.group(1));
  }

  private void assertRefused(String example, String message) {
    Program program = Program.run(example, "--device", "cpu", "--data", folder.toString());
    assertThat(program).isEqualTo(new Program(2, List.of(), List.of("error: " + message)));
  }

  @ParameterizedTest
  @ValueSource(strings = {"lstm", "transformer"})
  void textIsLearnedAndStepsAreReplayed(String example) throws IOException {
    Files.writeString(folder.resolve("moby_dick.txt"), SENTENCE.repeat(200));
    Path metrics = folder.resolve("metrics.json");
    Program program = run(example, "--device", "cpu", "--data", folder.toString(), "--epochs", "2", "--steps", "6",
        "--batch", "4", "--verbose", "--metrics", metrics.toString());
    List<Epoch> epochs = Epoch.read(metrics);
    // A guess at 26 symbols costs ln 26 = 3.26; a sentence again and again is learned at once.
    assertThat(epochs.get(0).trainLoss()).isBetween(1.0, 4.0);
    assertThat(epochs.get(1).trainLoss()).isBetween(0.1, epochs.get(0).trainLoss() - 0.3);
    assertThat(epochs.get(1).validationLoss()).isGreaterThan(0.1).isLessThan(epochs.get(0).validationLoss());
    double bits = number(program, "epoch 2/2 .* val bits per character ([0-9.]+)");
    // The line has four places.
    assertThat(bits).isCloseTo(epochs.get(1).validationLoss() / Math.log(2), within(1e-4));
    assertThat(program.out().getLast()).startsWith("steps: replaying ");
  }

  @ParameterizedTest
  @ValueSource(strings = {"lstm", "transformer"})
  void whatIsWrittenAfterAnEpochIsNewTextOfTheSameSeed(String example) throws IOException {
    Files.writeString(folder.resolve("moby_dick.txt"), SENTENCE.repeat(40));
    String[] arguments = {example, "--device", "cpu", "--data", folder.toString(), "--epochs", "1", "--steps", "1",
        "--batch", "2"};
    String written = run(arguments).out().getLast();
    // Four blanks, the prompt and 200 characters, those unknown to the text as U+FFFD.
    assertThat(written).startsWith("    ").hasSize(4 + "The whale ".length() + 200);
    assertThat(written.substring(14).chars()).allMatch(c -> SENTENCE.indexOf(c) >= 0 || c == 0xFFFD);
    assertThat(run(arguments).out().getLast()).isEqualTo(written);
  }

  @Test
  void theLstmWritesFromAllItRead() throws IOException {
    Files.writeString(folder.resolve("moby_dick.txt"), "aabb".repeat(2000));
    Program program = run("lstm", "--device", "cpu", "--data", folder.toString(), "--epochs", "1", "--steps", "40",
        "--batch", "4");
    // What follows an a or a b only its states can tell: each comes twice.
    assertThat("aabb".repeat(20)).contains(program.out().getLast().substring(214 - 40));
  }

  @ParameterizedTest
  @ValueSource(strings = {"lstm", "transformer"})
  void theShippedChaptersComeWithoutAFolder(String example) {
    Program program = run(example, "--device", "cpu", "--epochs", "1", "--steps", "1", "--batch", "1");
    assertThat(program.out().getFirst()).endsWith("3,770 training and 418 test samples");
  }

  @ParameterizedTest
  @ValueSource(strings = {"lstm", "transformer"})
  void textThatIsMissingEmptyOrShortIsOneLineAndStatus2(String example) throws IOException {
    Path file = folder.resolve("moby_dick.txt");
    assertRefused(example, file + " does not exist");
    Files.writeString(file, "");
    assertRefused(example, "moby_dick.txt: has 0 characters; its last tenth, for validation, must fill a window of 64"
        + " and one more");
    Files.writeString(file, "x".repeat(639));
    assertRefused(example, "moby_dick.txt: has 639 characters; its last tenth, for validation, must fill a window of"
        + " 64 and one more");
    Files.writeString(file, "x".repeat(641));
    assertRefused(example, "dropLast would drop all 8 samples, as a batch has " + (example.equals("lstm") ? 32 : 16)
        + "; choose a smaller batch");
  }

  @ParameterizedTest
  @ValueSource(strings = {"42", "1", "2"})
  void theForecastBeatsTheValueOfLastYear(String seed) {
    Program program = run("gru-forecast", "--device", "cpu", "--seed", seed, "--verbose");
    // Of the values of 12 months before, by hand: mean absolute error 51.46, root mean squared error 53.37.
    assertThat(number(program, "seasonal naive\\) +MAE +([0-9.]+)")).isEqualTo(51.46);
    assertThat(number(program, "seasonal naive\\) .*RMSE +([0-9.]+)")).isEqualTo(53.37);
    assertThat(number(program, "average growth .*RMSE +([0-9.]+)")).isEqualTo(15.78);
    assertThat(number(program, "this model .*MAE +([0-9.]+)")).isBetween(8.0, 14.0);
    assertThat(number(program, "this model .*RMSE +([0-9.]+)")).isBetween(12.0, 20.0);
    assertThat(program.out().getLast()).isEqualTo("the model beats the seasonal-naive forecast");
    assertThat(program.out()).anyMatch(line -> line.startsWith("steps: replaying "));
  }

  @Test
  void theForecastLowersItsLoss() throws IOException {
    List<Epoch> epochs = Epoch.train(folder.resolve("metrics.json"), "gru-forecast", "--epochs", "4");
    assertThat(epochs).hasSize(4);
    assertThat(epochs.getLast().trainLoss()).isGreaterThan(0.1).isLessThan(epochs.getFirst().trainLoss());
  }

  @Test
  void aForecastThatIsNoBetterSaysSo() throws IOException {
    // Without any growth nothing beats the value of last year.
    var table = new StringBuilder("month,passengers\n");
    for (int m = 0; m < 84; m++) {
      table.append(m).append(',').append(100 + m % 12 + (m % 5 == 0 && m < 48 ? 60 : 0)).append('\n');
    }
    Files.writeString(folder.resolve("air_passengers.csv"), table);
    Program program = run("gru-forecast", "--device", "cpu", "--data", folder.toString(), "--epochs", "1");
    assertThat(program.out().getLast()).isEqualTo("the model does not beat the seasonal-naive forecast");
  }

  @Test
  void aSeriesThatCannotBeUsedIsOneLineAndStatus2() throws IOException {
    Path file = folder.resolve("air_passengers.csv");
    assertRefused("gru-forecast", file + " does not exist");
    Files.writeString(file, "");
    assertRefused("gru-forecast", "air_passengers.csv: has 0 months; at least 72 are needed");
    String months = "m,1\n".repeat(71);
    Files.writeString(file, "month,passengers\n" + months);
    assertRefused("gru-forecast", "air_passengers.csv: has 71 months; at least 72 are needed");
    Files.writeString(file, "month,passengers\n" + months + "m,0\n");
    assertRefused("gru-forecast", "air_passengers.csv: line 73 has 0.0 passengers, which has no logarithm");
    Files.writeString(file, "month,passengers\n" + months + "m,many\n");
    assertRefused("gru-forecast", "air_passengers.csv: line 73 has no number in column 2");
    Files.writeString(file, "month,passengers\n" + months + "m\n");
    assertRefused("gru-forecast", "air_passengers.csv: Record 73 has 1 fields, but first record had 2 fields");
  }

  @ParameterizedTest
  @ValueSource(strings = {"42", "1", "2"})
  void theSidesOfTheClubAreFound(String seed) throws IOException {
    Path metrics = folder.resolve("metrics.json");
    Program program =
        run("gcn", "--device", "cpu", "--seed", seed, "--verbose", "--metrics", metrics.toString());
    List<Epoch> epochs = Epoch.read(metrics);
    assertThat(epochs).hasSize(10);
    assertThat(epochs.getLast().trainLoss()).isBetween(1e-5, 0.01).isLessThan(epochs.getFirst().trainLoss());
    // 32 members are guessed; those it gets wrong are named.
    assertThat(epochs.getLast().validationAccuracy()).isBetween(0.9, 1.0);
    long wrong = program.out().stream().filter(line -> line.startsWith("member ")).count();
    assertThat(epochs.getLast().validationAccuracy()).isEqualTo(1 - wrong / 32.0);
    assertThat(program.out()).anyMatch(line -> line.startsWith("steps: replaying "));
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', nullValues = "-", textBlock = """
      -                     | -         | does not exist
      'member,club;'        | -         | has 0 members on 0 sides; WANTED
      'member,club;a,x;b,x' | -         | has 2 members on 1 sides; WANTED
      'member,club;a,x;b,y' | -         | has 2 members on 2 sides; WANTED
      'member,club;a,x;a,y' | -         | karate_club_members.csv: line 3 has 'a' again
      'member,club;a;b'     | -         | karate_club_members.csv: line 2 has no column 2
      'm,c;a,x;b,y;c,y'     | -         | does not exist
      'm,c;a,x;b,y;c,y'     | 'm,f;a,d' | line 2 names 'd', who is not in karate_club_members.csv
      'm,c;a,x;b,y;c,y'     | 'm,f;b,b' | karate_club_friends.csv: line 2 makes a member their own friend
      'm,c;a,x;b,y;c,y'     | 'm,f;b'   | karate_club_friends.csv: line 2 has no column 2
      """)
  void aClubThatCannotBeUsedIsOneLineAndStatus2(String members, String friends, String message) throws IOException {
    if (members != null) {
      Files.writeString(folder.resolve("karate_club_members.csv"), members.replace(';', '\n'));
    }
    if (friends != null) {
      Files.writeString(folder.resolve("karate_club_friends.csv"), friends.replace(';', '\n'));
    }
    Program program = Program.run("gcn", "--device", "cpu", "--data", folder.toString());
    assertThat(program.status()).isEqualTo(2);
    assertThat(program.out()).isEmpty();
    assertThat(program.err()).singleElement().asString().startsWith("error: ").endsWith(
        message.replace("WANTED", "wanted are two sides or more, and more members than that, at most 4096"));
  }

  @Test
  void aClubOfOnesOwnIsReadFromTheFolder() throws IOException {
    Files.writeString(folder.resolve("karate_club_members.csv"),
        "m,c\nann,tea\nbob,tea\ncy,tea\ndee,milk\neve,milk\n");
    Files.writeString(folder.resolve("karate_club_friends.csv"), "m,f\nann,bob\nann,cy\ndee,eve\n");
    Program program = run("gcn", "--device", "cpu", "--data", folder.toString());
    assertThat(program.out().getLast()).startsWith("epoch 10/10").contains("val accuracy 1.0000");
    assertThat(String.join("", program.out()).toLowerCase(Locale.ROOT)).doesNotContain("nan");
  }

  @ParameterizedTest
  @ValueSource(strings = {"gcn", "gru-forecast"})
  void aResumedTrainingIsTheUninterruptedOne(String example) throws IOException {
    List<Epoch> uninterrupted = Epoch.train(folder.resolve("metrics.json"), example, "--epochs", "4");
    String checkpoint = folder.resolve("checkpoint").toString();
    Path resumed = folder.resolve("resumed.json");
    Epoch.train(resumed, example, "--epochs", "2", "--checkpoint", checkpoint);
    assertThat(Epoch.train(resumed, example, "--epochs", "4", "--checkpoint", checkpoint, "--resume"))
        .isEqualTo(uninterrupted);
  }
}
