package dev.tandem.benchmarks.peers;

import dev.tandem.benchmarks.work.Side;
import dev.tandem.benchmarks.work.Tandem;
import dev.tandem.benchmarks.work.Work;
import dev.tandem.benchmarks.work.Works;
import dev.tandem.core.io.Json;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** {@code benchmarks/run peers}: see {@link PeerOptions#USAGE}. */
public final class PeerComparison {
  /** A side in one row. */
  private record Turn(Side side, WorkerProcess worker, double error, List<Double> seconds) {
    double median() {
      return Worker.median(seconds);
    }

    double ratio(Turn ours) {
      return Worker
          .median(IntStream.range(0, seconds.size()).mapToObj(i -> seconds.get(i) / ours.seconds.get(i)).toList());
    }
  }

  private final PeerOptions options;
  private final PrintStream out;
  private final Path folder;
  private final Map<String, Object> versions = new TreeMap<>();
  private final List<Object> rows = new ArrayList<>();
  private final Map<String, Object> document = new LinkedHashMap<>();
  private boolean isComplete = true;

  private PeerComparison(PeerOptions options, PrintStream out, Path folder) {
    this.options = options;
    this.out = out;
    this.folder = folder;
  }

  public static void main(String[] arguments) throws IOException {
    System.exit(run(List.of(arguments), System.out, System.err));
  }

  /** @return the exit status */
  static int run(List<String> arguments, PrintStream out, PrintStream err) throws IOException {
    if (arguments.contains("-h") || arguments.contains("--help")) {
      out.print(PeerOptions.USAGE);
      return 0;
    }
    if (arguments.contains("--list")) {
      Works.all().forEach(w -> out.println(w.name()));
      return 0;
    }
    PeerOptions options;
    try {
      options = PeerOptions.parse(arguments, Sides.peers());
    } catch (IllegalArgumentException e) {
      err.println("error: " + e.getMessage());
      return 2;
    }
    Path folder = Files.createTempDirectory("tandem-peers");
    try {
      return new PeerComparison(options, out, folder).compare() ? 0 : 1;
    } finally {
      try (Stream<Path> files = Files.list(folder)) {
        for (Path file : files.toList()) {
          Files.delete(file);
        }
      }
      Files.delete(folder);
    }
  }

  /** @return whether every row was compared */
  private boolean compare() throws IOException {
    document.put("date", Instant.now().toString());
    document.put("commit", options.commit());
    document.put("machine", Machine.describe());
    document.put("load_before", Machine.load());
    document.put("jdk", Runtime.version().toString());
    document.put("rounds", options.rounds());
    document.put("seconds", options.seconds());
    document.put("warmup", options.warmup());
    document.put("versions", versions);
    document.put("rows", rows);
    out.printf("%-36s %7s %7s %11s  %s%n", "work", "threads", "vectors", "tandem us", "peer us (peer / tandem, error)");
    for (boolean isAvx2 : options.vectors()) {
      for (int threads : options.threads()) {
        for (Work work : options.rows()) {
          compare(work, threads, isAvx2);
          Files.writeString(options.out(), Json.write(document) + "\n");
        }
      }
    }
    out.println("written: " + options.out());
    return isComplete;
  }

  private void compare(Work work, int threads, boolean isAvx2) {
    Map<String, Object> row = new LinkedHashMap<>();
    List<Object> peers = new ArrayList<>();
    row.put("work", work.name());
    row.put("threads", threads);
    row.put("vectors", isAvx2 ? "avx2" : "native");
    rows.add(row);
    StringBuilder line = new StringBuilder();
    List<Turn> turns = new ArrayList<>();
    try {
      WorkerProcess worker = new WorkerProcess(new Tandem(), work, threads, isAvx2, folder, options.limit());
      Turn ours = new Turn(new Tandem(), worker, 0, new ArrayList<>());
      turns.add(ours);
      versions.put(Tandem.NAME, worker.versions());
      List<float[]> results = worker.results();
      for (Side peer : options.peers()) {
        if (peer.supports(work, threads)) {
          join(peer, work, threads, isAvx2, results, turns, peers);
        }
      }
      time(turns);
      row.put("tandem_us", ours.median() * 1e6);
      row.put("tandem_rounds_us", microseconds(ours));
      line.append("%11.2f ".formatted(ours.median() * 1e6));
      for (Turn turn : turns.subList(1, turns.size())) {
        Map<String, Object> peer = new LinkedHashMap<>();
        peer.put("peer", turn.side.name());
        peer.put("us", turn.median() * 1e6);
        peer.put("ratio", turn.ratio(ours));
        peer.put("error", turn.error);
        peer.put("rounds_us", microseconds(turn));
        peers.add(peer);
        line.append(" %s %.2f (%.2f, %.0e)".formatted(turn.side.name(), turn.median() * 1e6, turn.ratio(ours),
            turn.error));
      }
    } catch (IOException e) {
      isComplete = false;
      row.put("failed", String.valueOf(e.getMessage()));
      line.append(" failed: ").append(e.getMessage());
    } finally {
      turns.forEach(t -> t.worker.close());
    }
    row.put("peers", peers);
    for (Object peer : peers) {
      if (peer instanceof Map<?, ?> refused && refused.get("failed") != null) {
        line.append(" ").append(refused.get("peer")).append(" failed: ").append(refused.get("failed"));
      }
    }
    out.printf("%-36s %7d %7s %s%n", work.name(), threads, row.get("vectors"), line);
  }

  /** Starts a peer; it takes its turns if it computes the same. A peer that cannot leaves its reason. */
  private void join(Side peer, Work work, int threads, boolean isAvx2, List<float[]> results, List<Turn> turns,
      List<Object> refused) {
    String why;
    try {
      WorkerProcess worker = new WorkerProcess(peer, work, threads, isAvx2, folder, options.limit());
      Turn turn = null;
      try {
        versions.put(peer.name(), worker.versions());
        double error = Agreement.error(results, worker.results());
        if (error <= work.tolerance()) {
          turn = new Turn(peer, worker, error, new ArrayList<>());
          turns.add(turn);
          return;
        }
        why = "its results differ by %.1e of the largest, more than %.0e".formatted(error, work.tolerance());
      } finally {
        if (turn == null) {
          worker.close();
        }
      }
    } catch (IOException e) {
      why = String.valueOf(e.getMessage());
    }
    isComplete = false;
    refused.add(Map.of("peer", peer.name(), "failed", why));
  }

  private void time(List<Turn> turns) throws IOException {
    for (Turn turn : turns) {
      turn.worker.warm(options.warmup());
    }
    for (int round = 0; round < options.rounds(); round++) {
      for (Turn turn : turns) {
        turn.seconds.add(turn.worker.time(options.seconds()));
      }
    }
  }

  private static List<Double> microseconds(Turn turn) {
    return turn.seconds.stream().map(s -> s * 1e6).toList();
  }
}
