package dev.tandem.cuda.emulator;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The settings that plant faults and change the order of work; each in a JVM of its own. */
class EmulatorEnvironmentTest {
  @BeforeEach
  void start() {
    Emulator.start();
  }

  private static String run(String program, Map<String, String> environment) throws IOException, InterruptedException {
    String classPath = System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
    ProcessBuilder builder = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        "-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "--enable-native-access=ALL-UNNAMED",
        "-Djava.library.path=" + System.getProperty("java.library.path"),
        "-Dtandem.cuda.home=" + System.getProperty("tandem.cuda.home"), "-cp", classPath,
        EnvironmentProgram.class.getName(), program).redirectErrorStream(true);
    builder.environment().putAll(environment);
    Process process = builder.start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(output).isZero();
    return output;
  }

  @Test
  void aPlantedFailureHitsTheCallThatItNames() throws Exception {
    assertThat(run("failures", Map.of("EMU_FAIL", "cuMemAlloc_v2:3=2,cuMemAlloc_v2:4=999")))
        .contains("alloc 0\nalloc 0\nalloc 2\nalloc 999");
    assertThat(run("failures", Map.of())).contains("alloc 0\nalloc 0\nalloc 0\nalloc 0\n");
  }

  @Test
  void memoryEndsWhereItIsSetTo() throws Exception {
    assertThat(run("memory", Map.of("EMU_MEM", "1000"))).contains("half 0\ntoo much 2\nafter free 0\n");
  }

  @Test
  void lazyStreamsShowEveryForgottenWait() throws Exception {
    assertThat(run("lazy", Map.of("EMU_LAZY", "1"))).contains("""
        before the wait -1.0
        query 600
        after the wait 1.0
        other stream without the event 1.0
        other stream with the event before the wait 1.0
        other stream with the event 2.0
        """);
    assertThat(run("lazy", Map.of())).contains("before the wait 1.0\nquery 0\n");
  }

  @Test
  void streamsAfterTheFirstCanRunAsEarlyAsEventsLetThem() throws Exception {
    assertThat(run("lazy", Map.of("EMU_LAZY", "2"))).contains("""
        before the wait -1.0
        query 600
        after the wait 1.0
        other stream without the event 1.0
        other stream with the event before the wait 2.0
        other stream with the event 2.0
        """);
  }

  @Test
  void blocksCanRunInReverse() throws Exception {
    assertThat(run("order", Map.of())).contains("last block 9");
    assertThat(run("order", Map.of("EMU_ORDER", "reverse"))).contains("last block 0");
  }

  @Test
  void theChecksCanBeLeftOut() throws Exception {
    assertThat(run("unchecked", Map.of())).contains("past the end 700");
    assertThat(run("unchecked", Map.of("EMU_CHECK", "0"))).contains("past the end 0");
  }

  @Test
  void theLogNamesCallsAndLaunches() throws Exception {
    assertThat(run("log", Map.of("EMU_LOG", "1"))).contains("call cuMemAlloc_v2 #1", "launch set");
  }
}
