package dev.tandem.benchmarks.peers;

import dev.tandem.benchmarks.work.Side;
import dev.tandem.benchmarks.work.Tandem;
import dev.tandem.benchmarks.work.Task;
import dev.tandem.benchmarks.work.Work;
import java.util.List;
import java.util.Map;

/** Peers for tests: Tandem under another name, which computes the same or a little different. */
public class Mirror implements Side {
  /** One element is a thousandth too large. */
  public static final class Altered extends Mirror {
    public Altered() {
      super("altered", 1e-3f);
    }
  }

  private final Tandem tandem = new Tandem();
  private final String name;
  private final float alteration;

  public Mirror() {
    this("mirror", 0);
  }

  private Mirror(String name, float alteration) {
    this.name = name;
    this.alteration = alteration;
  }

  @Override
  public final String name() {
    return name;
  }

  @Override
  public final Map<String, String> versions() {
    return Map.of("mirror", "1");
  }

  @Override
  public final boolean supports(Work work, int threads) {
    return true;
  }

  @Override
  public final Map<String, String> environment(int threads, boolean isAvx2) {
    return Map.of();
  }

  @Override
  public final void start(int threads) {
    tandem.start(threads);
  }

  @Override
  public final Task open(Work work) {
    Task task = tandem.open(work);
    return new Task() {
      @Override
      public void run() {
        task.run();
      }

      @Override
      public List<float[]> results() {
        List<float[]> results = task.results();
        results.getLast()[0] *= 1 + alteration;
        return results;
      }
    };
  }
}
