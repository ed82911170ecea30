package dev.tandem.examples;

import dev.tandem.core.train.EpochResult;
import dev.tandem.core.train.TrainingListener;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.function.LongSupplier;

/**
 * Shows the training on a terminal: a line that is redrawn while an epoch runs, and one that stays when it has ended.
 * Where the output is no terminal there are plain lines only.
 */
final class Console implements TrainingListener {
  private static final long REDRAW_NANOS = 100_000_000L;
  private static final long PLAIN_NANOS = 10_000_000_000L;
  private static final int LONGEST_BAR = 30;
  private static final int SHORTEST_BAR = 5;
  private static final int USUAL_WIDTH = 80;

  private final PrintStream out;
  private final int width;
  private final LongSupplier nanoTime;

  private int epochs;
  private long steps;
  private long samples;
  private long started;
  private long shown;
  private int drawn;

  /**
   * @param width columns of the terminal; 0 when there is none
   * @param nanoTime the clock
   */
  Console(PrintStream out, int width, LongSupplier nanoTime) {
    this.out = out;
    this.width = width;
    this.nanoTime = nanoTime;
  }

  /** For {@code out}, which may be the terminal of this process. */
  @SuppressWarnings("SystemConsoleNull") // It was never null in Java 22 to 24; in 25 it is where there is no terminal.
  static Console of(PrintStream out) {
    java.io.Console terminal = System.console();
    boolean redraws = out.equals(System.out) && terminal != null && terminal.isTerminal()
        && !"dumb".equals(System.getenv("TERM"));
    return new Console(out, redraws ? columns() : 0, System::nanoTime);
  }

  private static int columns() {
    try {
      String columns = System.getenv("COLUMNS");
      if (columns == null) {
        Process stty = new ProcessBuilder("stty", "size").redirectInput(ProcessBuilder.Redirect.INHERIT).start();
        columns =
            new String(stty.getInputStream().readAllBytes(), StandardCharsets.US_ASCII).strip().replaceFirst(".* ", "");
      }
      int n = Integer.parseInt(columns);
      return n > 0 ? n : USUAL_WIDTH;
    } catch (IOException | NumberFormatException e) {
      return USUAL_WIDTH;
    }
  }

  /** A line that stays. */
  void line(String text) {
    out.println(overdrawn(text));
    drawn = 0;
    out.flush();
  }

  /** Goes to a fresh line if one is being redrawn. */
  void end() {
    if (drawn > 0) {
      out.println();
      drawn = 0;
    }
  }

  @Override
  public void epochStarted(int epoch, int epochs, long steps, long samples) {
    this.epochs = epochs;
    this.steps = steps;
    this.samples = samples;
    started = nanoTime.getAsLong();
    shown = started;
  }

  @Override
  public void stepEnded(int epoch, long step, float loss, long samplesSoFar) {
    long now = nanoTime.getAsLong();
    if (now - shown < (width > 0 ? REDRAW_NANOS : PLAIN_NANOS)) {
      return;
    }
    shown = now;
    double rate = samplesSoFar / ((now - started) * 1e-9);
    String head = String.format(Locale.ROOT, "epoch %d/%d  ", epoch, epochs);
    String figures =
        String.format(Locale.ROOT, "%s/%s  loss %s  %s samples/s  %s left", grouped((double) step),
            grouped((double) steps), decimal(loss), grouped(rate),
            clock((samples - samplesSoFar) / rate));
    if (width > 0) {
      redraw(head + bar(width - 1 - head.length() - figures.length(), (double) step / steps) + figures);
    } else {
      line(head + figures);
    }
  }

  @Override
  public void validationStarted(int epoch) {
    if (width > 0) {
      redraw(String.format(Locale.ROOT, "epoch %d/%d  validating", epoch, epochs));
    }
  }

  @Override
  public void epochEnded(EpochResult r) {
    var line = new StringBuilder(
        String.format(Locale.ROOT, "epoch %d/%d  train loss %s", r.epoch(), epochs, decimal(r.trainLoss())));
    Double validationLoss = r.validationLoss();
    if (validationLoss != null) {
      line.append("  val loss ").append(decimal(validationLoss));
    }
    r.validationMetrics()
        .forEach((name, value) -> line.append("  val ").append(name).append(' ').append(decimal(value)));
    line(line + String.format(Locale.ROOT, "  %.1f s  %s samples/s", r.seconds(), grouped(r.samplesPerSecond())));
  }

  private void redraw(String text) {
    String cut = text.substring(0, Math.min(text.length(), width - 1));
    out.print(overdrawn(cut));
    out.flush();
    drawn = cut.length();
  }

  /** {@code text} at the beginning of the line, with blanks over what stood there. */
  private String overdrawn(String text) {
    return drawn == 0 ? text : "\r" + text + " ".repeat(Math.max(0, drawn - text.length()));
  }

  /** As {@code "[===>      ] "}, at most {@code room} characters; empty when that is too few. */
  private static String bar(int room, double done) {
    int length = Math.min(LONGEST_BAR, room - 3);
    if (length < SHORTEST_BAR) {
      return "";
    }
    int full = (int) (length * Math.min(1, done));
    return "[" + (full == length ? "=".repeat(length) : "=".repeat(full) + ">" + " ".repeat(length - full - 1)) + "] ";
  }

  private static String grouped(double count) {
    return String.format(Locale.ROOT, "%,.0f", count);
  }

  /** Four places; small numbers with an exponent, so that a loss does not seem to be 0. */
  static String decimal(double value) {
    return String.format(Locale.ROOT, value != 0 && Math.abs(value) < 0.01 ? "%.3e" : "%.4f", value);
  }

  /** {@code 0:07}, {@code 1:02:03}. */
  private static String clock(double seconds) {
    long s = Math.round(Math.max(0, seconds));
    return s < 3600
        ? String.format(Locale.ROOT, "%d:%02d", s / 60, s % 60)
        : String.format(Locale.ROOT, "%d:%02d:%02d", s / 3600, s / 60 % 60, s % 60);
  }
}
