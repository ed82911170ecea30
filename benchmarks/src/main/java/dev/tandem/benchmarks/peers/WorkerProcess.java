package dev.tandem.benchmarks.peers;

import dev.tandem.benchmarks.work.Side;
import dev.tandem.benchmarks.work.Work;
import dev.tandem.core.io.Json;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** A {@link Worker} in a JVM of its own. */
final class WorkerProcess implements AutoCloseable {
  /** What makes OpenBLAS, wherever it is used, ignore the processor that it is on. */
  private static final List<String> TAKEN_AWAY = List.of("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE");

  private final String name;
  private final Path folder;
  private final long limitSeconds;
  private final Process process;
  private final Writer commands;
  private final BlockingQueue<Optional<String>> answers = new LinkedBlockingQueue<>();
  private final Map<?, ?> versions;

  /**
   * Starts it and waits until it is ready.
   *
   * @param folder for its files
   * @param limitSeconds how long each answer may take
   * @throws IOException with the process's own words, if it does not get ready
   */
  WorkerProcess(Side side, Work work, int threads, boolean isAvx2, Path folder, long limitSeconds)
      throws IOException {
    this.name = side.name();
    this.folder = folder;
    this.limitSeconds = limitSeconds;
    List<String> command = new ArrayList<>(List.of(ProcessHandle.current().info().command().orElse("java"),
        "--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED",
        "--sun-misc-unsafe-memory-access=allow"));
    if (isAvx2) {
      command.add("-XX:UseAVX=2");
    }
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), Worker.class.getName(), name, work.name(),
        Integer.toString(threads)));
    var builder = new ProcessBuilder(command).redirectError(errors().toFile());
    TAKEN_AWAY.forEach(builder.environment()::remove);
    builder.environment().putAll(side.environment(threads, isAvx2));
    process = builder.start();
    commands = process.outputWriter(StandardCharsets.UTF_8);
    Thread.ofVirtual().start(() -> listen(process.inputReader(StandardCharsets.UTF_8)));
    try {
      String ready = answer();
      if (!ready.startsWith("ready ")) {
        throw new IOException(name + " said: " + ready);
      }
      versions = (Map<?, ?>) Objects.requireNonNull(Json.parse(name, ready.substring(6)));
    } catch (IOException | RuntimeException e) {
      close();
      throw e;
    }
  }

  private Path errors() {
    return folder.resolve(name + ".err");
  }

  private void listen(BufferedReader in) {
    try (in) {
      String line = in.readLine();
      while (line != null) {
        answers.add(Optional.of(line));
        line = in.readLine();
      }
    } catch (IOException e) {
      // Its pipe breaks when it is ended.
    }
    answers.add(Optional.empty());
  }

  private String answer() throws IOException {
    try {
      @Nullable Optional<String> line = answers.poll(limitSeconds, TimeUnit.SECONDS);
      if (line == null) {
        throw new IOException(name + " took more than " + limitSeconds + " s");
      }
      return line.orElseThrow(this::ended);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("interrupted while " + name + " worked");
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
  }

  /** The line that names an exception says most, and the next one where a library's message begins with a new line. */
  private UncheckedIOException ended() {
    String why;
    try {
      List<String> lines = Files.readAllLines(errors(), StandardCharsets.ISO_8859_1).stream()
          .filter(line -> !line.isBlank() && !line.startsWith("\tat ") && !line.contains("WARNING")).toList();
      int first = 0;
      while (first < lines.size() - 1 && !lines.get(first).contains("Exception")
          && !lines.get(first).contains("Error")) {
        first++;
      }
      why = String.join(" ", lines.subList(first, Math.min(first + 2, lines.size())));
    } catch (IOException e) {
      why = "nothing that could be read";
    }
    return new UncheckedIOException(new IOException(name + " ended: " + why));
  }

  private String ask(String command) throws IOException {
    commands.write(command + "\n");
    commands.flush();
    return answer();
  }

  Map<?, ?> versions() {
    return versions;
  }

  /** What it computes. */
  List<float[]> results() throws IOException {
    Path file = folder.resolve(name + ".results");
    ask("results " + file);
    try {
      return Agreement.read(file);
    } finally {
      Files.deleteIfExists(file);
    }
  }

  /** Works for so long, until compilers are done. */
  void warm(double seconds) throws IOException {
    ask("warm " + seconds);
  }

  /** Median seconds of one run, measured for so long. */
  double time(double seconds) throws IOException {
    return Double.parseDouble(ask("time " + seconds).split(" ")[1]);
  }

  /** Ends it. */
  @Override
  public void close() {
    process.destroy();
    try {
      if (!process.waitFor(5, TimeUnit.SECONDS)) {
        process.destroyForcibly();
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }
}
