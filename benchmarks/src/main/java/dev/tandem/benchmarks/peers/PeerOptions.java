package dev.tandem.benchmarks.peers;

import dev.tandem.benchmarks.work.Side;
import dev.tandem.benchmarks.work.Work;
import dev.tandem.benchmarks.work.Works;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * The command line of {@code benchmarks/run peers}.
 *
 * @param vectors whether each row set has vectors of 256 bits only
 * @param rounds how often the sides take turns
 * @param seconds of each turn
 * @param warmup seconds of each side before the first turn
 * @param limit seconds that a side may take for one answer
 */
record PeerOptions(List<Work> rows, List<Side> peers, List<Integer> threads, List<Boolean> vectors, int rounds,
    double seconds, double warmup, long limit, Path out, String commit) {
  static final String USAGE = """
      benchmarks/run peers [options]: Tandem on the CPU beside other libraries, doing the same work.

        --rows NAME,...     work whose names begin so (default: all); --list names all
        --peers NAME,...    default: all that are there
        --threads N,...     default: 1,2
        --vectors SET,...   native, avx2 (256-bit vectors for all sides; default: native)
        --rounds N          how often the sides take turns (default: 5)
        --seconds S         of each turn (default: 0.3)
        --warmup S          of each side before the first turn (default: 1)
        --limit S           after which a side is given up (default: 120)
        --out FILE          JSON (default: DATE-peers-cpu.json)
        --commit TEXT       what to call this version of Tandem

      First the proof: a peer whose results differ is not timed. Then the sides take turns, each in a process of its own
      that was started for this row. Times are medians over the rounds; a ratio is the median of the rounds' ratios, the
      peer's time by Tandem's: above 1 Tandem is faster.
      Exit status: 0 every row was compared, 1 some were not, 2 the command line cannot be used.
      """;

  private static final List<String> NAMES = List.of("--rows", "--peers", "--threads", "--vectors", "--rounds",
      "--seconds", "--warmup", "--limit", "--out", "--commit");

  /** @throws IllegalArgumentException that says what is wrong */
  static PeerOptions parse(List<String> arguments, List<Side> available) {
    Map<String, String> given = new HashMap<>();
    for (int i = 0; i < arguments.size(); i += 2) {
      String name = arguments.get(i);
      if (!NAMES.contains(name)) {
        throw new IllegalArgumentException("unknown option '" + name + "'; -h prints those that there are");
      }
      if (i + 1 == arguments.size()) {
        throw new IllegalArgumentException(name + " wants a value");
      }
      given.put(name, arguments.get(i + 1));
    }
    return new PeerOptions(rows(given.getOrDefault("--rows", "")),
        given.containsKey("--peers") ? peers(given.get("--peers"), available) : available,
        list(given.getOrDefault("--threads", "1,2")).map(t -> (int) number("--threads", t, 1)).toList(),
        list(given.getOrDefault("--vectors", "native")).map(PeerOptions::isAvx2).toList(),
        (int) number("--rounds", given.getOrDefault("--rounds", "5"), 1),
        number("--seconds", given.getOrDefault("--seconds", "0.3"), 1e-3),
        number("--warmup", given.getOrDefault("--warmup", "1"), 0),
        (long) number("--limit", given.getOrDefault("--limit", "120"), 1),
        Path.of(given.getOrDefault("--out", LocalDate.now() + "-peers-cpu.json")).toAbsolutePath(),
        given.getOrDefault("--commit", "unknown"));
  }

  private static Stream<String> list(String text) {
    return Arrays.stream(text.split(","));
  }

  private static List<Work> rows(String prefixes) {
    List<Work> rows = new ArrayList<>();
    for (String prefix : prefixes.split(",")) {
      List<Work> found = Works.all().stream().filter(w -> w.name().startsWith(prefix)).toList();
      if (found.isEmpty()) {
        throw new IllegalArgumentException("no row begins with '" + prefix + "'; --list names all");
      }
      found.stream().filter(w -> !rows.contains(w)).forEach(rows::add);
    }
    return rows;
  }

  private static List<Side> peers(String names, List<Side> available) {
    return list(names).map(name -> available.stream().filter(s -> s.name().equals(name)).findFirst()
        .orElseThrow(() -> new IllegalArgumentException(
            "no peer is called '" + name + "'; there are " + available.stream().map(Side::name).toList())))
        .toList();
  }

  private static boolean isAvx2(String set) {
    return switch (set) {
      case "native" -> false;
      case "avx2" -> true;
      default -> throw new IllegalArgumentException("--vectors has native and avx2, no '" + set + "'");
    };
  }

  private static double number(String option, String text, double least) {
    try {
      double value = Double.parseDouble(text);
      if (value >= least && value < 1e6) {
        return value;
      }
    } catch (NumberFormatException e) {
      // Said below.
    }
    throw new IllegalArgumentException(option + " wants a number of at least " + least + ", not '" + text + "'");
  }
}
