package dev.tandem.benchmarks.peers;

import dev.tandem.benchmarks.work.Side;
import dev.tandem.benchmarks.work.Task;
import dev.tandem.benchmarks.work.Work;
import dev.tandem.benchmarks.work.Works;
import dev.tandem.core.io.Json;
import java.io.BufferedOutputStream;
import java.io.BufferedReader;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * The process of one side and one piece of work. It obeys lines of its standard input and answers each with one line:
 * {@code results FILE}, {@code warm SECONDS}, {@code time SECONDS}; the end of input ends it. While it waits it uses no
 * processor, so that another side can be timed.
 */
public final class Worker {
  /** So long is a row of runs at least that the clock is read once for. */
  private static final double ROW_SECONDS = 1e-3;
  /** The part of a time that fills caches again, after another process had the processor. */
  private static final double SETTLING = 0.2;
  private static final int MOST = 1_000_000;
  private static final double STEADY = 0.95;
  private static final int MOST_WINDOWS = 20;

  private final Task task;
  private int runs = 1;

  private Worker(Task task) {
    this.task = task;
  }

  /** Arguments: side, work, threads. */
  public static void main(String[] arguments) throws IOException {
    PrintStream answers = System.out;
    // Whatever a library prints is no answer.
    System.setOut(System.err);
    Side side = Sides.of(arguments[0]);
    Work work = Works.of(arguments[1]);
    side.start(Integer.parseInt(arguments[2]));
    Worker worker = new Worker(side.open(work));
    answers.println("ready " + Json.write(side.versions()));
    try (var commands = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
      String line = commands.readLine();
      while (line != null) {
        answers.println(worker.obey(line));
        line = commands.readLine();
      }
    }
    // Thread pools of native libraries do not end by themselves.
    System.exit(0);
  }

  private String obey(String line) throws IOException {
    String[] words = line.split(" ", 2);
    return switch (words[0]) {
      case "results" -> {
        write(Path.of(words[1]), task.results());
        yield "done";
      }
      case "warm" -> {
        warm(Double.parseDouble(words[1]));
        yield "done";
      }
      case "time" -> {
        double seconds = Double.parseDouble(words[1]);
        rows(SETTLING * seconds);
        List<Double> rows = rows((1 - SETTLING) * seconds);
        yield String.format(Locale.ROOT, "time %.9f %d", median(rows), (long) rows.size() * runs);
      }
      default -> throw new IOException("unknown command: " + line);
    };
  }

  /** At least so long, and on while it still gets faster: a compiler that others keep from the processor is late. */
  private void warm(double seconds) {
    double before = median(rows(seconds));
    for (int i = 0; i < MOST_WINDOWS; i++) {
      double now = median(rows(seconds / 2));
      if (now > STEADY * before) {
        return;
      }
      before = now;
    }
  }

  /** Seconds of one run, from each row of runs. */
  private List<Double> rows(double seconds) {
    List<Double> all = new ArrayList<>();
    long end = System.nanoTime() + (long) (seconds * 1e9);
    do {
      long from = System.nanoTime();
      for (int i = 0; i < runs; i++) {
        task.run();
      }
      double row = (System.nanoTime() - from) * 1e-9;
      if (row < ROW_SECONDS / 2 && runs < MOST) {
        // Rows of other lengths would be of other weight.
        runs = (int) Math.clamp(Math.ceil(ROW_SECONDS / row * runs), runs + 1, MOST);
        all.clear();
      } else {
        all.add(row / runs);
      }
    } while (all.isEmpty() || System.nanoTime() < end);
    return all;
  }

  static double median(List<Double> values) {
    List<Double> sorted = values.stream().sorted().toList();
    int half = sorted.size() / 2;
    return sorted.size() % 2 == 1 ? sorted.get(half) : (sorted.get(half - 1) + sorted.get(half)) / 2;
  }

  private static void write(Path file, List<float[]> results) throws IOException {
    try (var out = new DataOutputStream(new BufferedOutputStream(Files.newOutputStream(file)))) {
      out.writeInt(results.size());
      for (float[] result : results) {
        out.writeInt(result.length);
        for (float value : result) {
          out.writeFloat(value);
        }
      }
    }
  }
}
