package dev.tandem.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class MainTest {
  @TempDir Path folder;

  @ParameterizedTest
  @CsvSource(delimiter = '|', quoteCharacter = '"', textBlock = """
      mpl                          | error: unknown example 'mpl'; did you mean 'mlp'?
      gpt                          | error: unknown example 'gpt'; there are ALL
      --epochs 3                   | error: which example? There are ALL
      xor mlp                      | error: 'mlp' is one word too many: one example, then options
      xor --epoch 3                | error: unknown option '--epoch'; did you mean '--epochs'?
      xor --devcie=cpu             | error: unknown option '--devcie'; did you mean '--device'?
      xor --frobnicate             | error: unknown option '--frobnicate'
      xor --epochs                 | error: --epochs needs a value
      xor --epochs --seed 1        | error: --epochs needs a value
      xor --epochs three           | error: --epochs wants a whole number from 1 on, not 'three'
      xor --epochs 0               | error: --epochs wants a whole number from 1 on, not '0'
      xor --steps -1               | error: --steps wants a whole number from 1 on, not '-1'
      xor --batch 99999999999      | error: --batch wants a whole number from 1 on, not '99999999999'
      xor --threads 1.5            | error: --threads wants a whole number from 1 on, not '1.5'
      xor --threads 100000         | error: --threads wants at most 1024, not 100000
      xor --seed x                 | error: --seed wants a whole number, not 'x'
      xor --seed 1 --seed 2        | error: --seed is given more than once
      xor --precision fp8          | error: --precision wants fp32, tf32 or bf16, not 'fp8'
      xor --device cpu --precision bf16 | error: --precision bf16 is not available on cpu; it computes in fp32
      xor --device cpu --precision TF32 | error: --precision tf32 is not available on cpu; it computes in fp32
      xor --resume                 | error: --resume needs --checkpoint DIR, the folder to resume from
      mlp --data /no/such/folder   | error: --data wants a folder, and /no/such/folder does not exist
      """)
  void whatCannotBeUsedIsOneLineAndStatus2(String arguments, String error) {
    String all = Example.all().stream().map(Example::name).collect(Collectors.joining(", "));
    assertThat(Program.run(arguments.split(" ")))
        .isEqualTo(new Program(2, List.of(), List.of(error.replace("ALL", all))));
  }

  @Test
  void anUnknownDeviceIsOneLineAndStatus2() {
    Program program = Program.run("xor", "--device", "gpu");
    assertThat(program.status()).isEqualTo(2);
    assertThat(program.out()).isEmpty();
    assertThat(program.err()).singleElement().asString().startsWith("error: unknown device \"gpu\"").contains("cpu");
  }

  @Test
  void aDeviceThatIsNotThereIsOneLineAndStatus2() {
    Program program = Program.run("xor", "--device", "cpu:7");
    assertThat(program.status()).isEqualTo(2);
    assertThat(program.err()).singleElement().asString().contains("there is no device cpu:7");
  }

  @Test
  void aloneItListsTheExamples() {
    Program program = Program.run();
    assertThat(program.status()).isZero();
    for (Example e : Example.all()) {
      assertThat(program.out()).filteredOn(line -> line.startsWith("  " + e.name() + " ")).singleElement().asString()
          .endsWith(e.description());
    }
  }

  @Test
  void helpNamesEveryOptionOfTheContract() {
    Program program = Program.run("mlp", "-h");
    assertThat(program.status()).isZero();
    assertThat(String.join("\n", program.out())).contains("--device", "--threads", "--precision", "--epochs", "--steps",
        "--batch", "--seed",
        "--data", "--metrics", "--checkpoint", "--resume", "--no-capture");
  }

  @Test
  void missingDataIsOneLineAndStatus2() {
    Program program = Program.run("logistic", "--device", "cpu", "--data", folder.toString());
    assertThat(program).isEqualTo(new Program(2, List.of(),
        List.of("error: " + folder.resolve("breast_cancer.csv") + " does not exist")));
  }

  @Test
  void unreadableDataNamesFileLineAndColumn() throws IOException {
    Files.writeString(folder.resolve("breast_cancer.csv"), "a,b\n1,2\n");
    Program program = Program.run("logistic", "--device", "cpu", "--data", folder.toString());
    assertThat(program.status()).isEqualTo(2);
    assertThat(program.err()).containsExactly("error: breast_cancer.csv: line 2 has no number in column 3");
  }

  @Test
  void aClassThatIsNoneNamesItsLine() throws IOException {
    String header = String.join(",", IntStream.rangeClosed(0, 30).mapToObj(i -> "c" + i).toList());
    String row = "1,".repeat(30);
    Files.writeString(folder.resolve("breast_cancer.csv"), header + "\n" + row + "0\n" + row + "2\n");
    Program program = Program.run("logistic", "--device", "cpu", "--data", folder.toString());
    assertThat(program.status()).isEqualTo(2);
    assertThat(program.err()).containsExactly("error: breast_cancer.csv: line 3 ends in 2.0, and 0 or 1 is wanted");
  }

  @Test
  void metricsThatCannotBeWrittenAreFoundBeforeTraining() {
    Path file = folder.resolve("none/metrics.json");
    Program program = Program.run("xor", "--device", "cpu", "--metrics", file.toString());
    assertThat(program).isEqualTo(
        new Program(2, List.of(), List.of("error: cannot write the metrics: " + file + " does not exist")));
  }

  @Test
  void aFailureOnceTrainingHasBegunIsStatus1() {
    Program program = Program.run(new Failing(), "failing", "--device", "cpu");
    assertThat(program.status()).isEqualTo(1);
    assertThat(program.err()).containsExactly("error: first line second line");
  }

  @Test
  void verboseShowsWhereAnErrorCameFrom() {
    Program program = Program.run(new Failing(), "failing", "--device", "cpu", "--verbose");
    assertThat(program.err()).first().isEqualTo("error: first line second line");
    assertThat(String.join("\n", program.err())).contains("at dev.tandem.examples.Failing.run");
  }
}
