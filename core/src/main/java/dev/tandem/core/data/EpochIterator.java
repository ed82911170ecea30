package dev.tandem.core.data;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/**
 * The batches of one epoch, a few of them in the making. Tasks hold the plan and not the iterator, so an abandoned one
 * is garbage.
 */
final class EpochIterator implements Iterator<Batch> {
  private static final Executor VIRTUAL_THREADS = task -> Thread.ofVirtual().name("tandem-data-loader").start(task);

  private final EpochPlan plan;
  private final int prefetch;
  private final ArrayDeque<CompletableFuture<Batch>> inFlight = new ArrayDeque<>();
  /** For each worker, when it will be free; these hold no batches. */
  private final List<CompletableFuture<Boolean>> free = new ArrayList<>();
  private final boolean reusing;
  /** The batch that the caller has, when its memory will be used again. */
  private @Nullable Batch given;
  private @Nullable Batch used;
  private int submitted;
  private int taken;

  /** @param reusing whether a batch is done with when the next one is asked for */
  EpochIterator(EpochPlan plan, int prefetch, int workers, boolean reusing) {
    this.plan = plan;
    this.prefetch = prefetch;
    this.reusing = reusing;
    for (int i = 0; i < Math.min(workers, prefetch); i++) {
      free.add(CompletableFuture.completedFuture(true));
    }
    submit();
  }

  private void submit() {
    while (submitted < plan.batches() && inFlight.size() < prefetch) {
      EpochPlan epoch = plan;
      int number = submitted++;
      int worker = number % free.size();
      Batch memory = used;
      used = null;
      CompletableFuture<Batch> batch =
          free.get(worker).thenApplyAsync(turn -> epoch.load(number, memory), VIRTUAL_THREADS);
      free.set(worker, batch.handle((made, failure) -> true));
      inFlight.addLast(batch);
    }
  }

  @Override
  public boolean hasNext() {
    return taken < plan.batches();
  }

  @Override
  public Batch next() {
    if (!hasNext()) {
      throw new NoSuchElementException("epoch " + plan.epoch() + " has " + plan.batches() + " batches");
    }
    int number = taken;
    if (given != null) {
      used = given;
      given = null;
    }
    if (prefetch == 0) {
      taken++;
      try {
        return give(plan.load(number, used));
      } catch (RuntimeException | Error e) {
        throw plan.failure(number, e);
      }
    }
    Batch batch;
    try {
      batch = inFlight.getFirst().get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new DataLoadingException("interrupted while waiting for batch " + number + " of epoch " + plan.epoch(), e);
    } catch (ExecutionException e) {
      take();
      throw plan.failure(number, e.getCause());
    }
    take();
    return give(batch);
  }

  private Batch give(Batch batch) {
    given = reusing ? batch : null;
    return batch;
  }

  private void take() {
    inFlight.removeFirst();
    taken++;
    submit();
  }
}
