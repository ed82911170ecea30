package dev.tandem.core.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tandem.core.shape.HostArray;
import dev.tandem.core.shape.Spec;
import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Timeout(60)
class DataLoaderTest {
  /** Sample i is i; {@code before} is run in the thread that makes a batch. */
  private record Numbers(int n, Consumer<int[]> before) implements Dataset {
    Numbers(int n) {
      this(n, indices -> {});
    }

    @Override
    public long size() {
      return n;
    }

    @Override
    public List<Spec> specs() {
      return batch(new int[0]).specs();
    }

    @Override
    public Batch batch(int[] indices) {
      before.accept(indices);
      return Batch.of(HostArray.of(indices, indices.length));
    }
  }

  private static List<List<Integer>> numbers(Iterable<Batch> batches) {
    List<List<Integer>> numbers = new ArrayList<>();
    for (Batch batch : batches) {
      numbers.add(Arrays.stream(batch.get(0).toInts()).boxed().toList());
    }
    return numbers;
  }

  private static void await(CountDownLatch latch) {
    try {
      if (!latch.await(30, TimeUnit.SECONDS)) {
        throw new IllegalStateException("the test did not let go");
      }
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void batchesComeInOrderAndTheLastMayBeSmaller() {
    DataLoader loader = new Numbers(7).batches(3);
    assertThat(numbers(loader)).containsExactly(List.of(0, 1, 2), List.of(3, 4, 5), List.of(6));
    assertThat(loader.batches()).isEqualTo(3);
    assertThat(loader.samples()).isEqualTo(7);
    assertThat(loader.batchSize()).isEqualTo(3);
  }

  /** Field 0 is normalized, field 1 is the number of the sample. */
  private static Dataset arrays(int n) {
    byte[] pixels = new byte[2 * n];
    for (int i = 0; i < pixels.length; i++) {
      pixels[i] = (byte) i;
    }
    return new ArrayDataset(HostArray.of(pixels, n, 2), HostArray.of(IntStream.range(0, n).toArray(), n))
        .map(0, Normalize.pixels());
  }

  private static List<String> contents(Iterable<Batch> batches) {
    List<String> contents = new ArrayList<>();
    for (Batch b : batches) {
      contents.add(Arrays.toString(b.get(0).toFloats()) + Arrays.toString(b.get(1).toInts()));
    }
    return contents;
  }

  @ParameterizedTest
  @CsvSource({"0, 1", "1, 1", "2, 1", "3, 2"})
  void batchesInTheMemoryOfEarlierOnesAreTheSame(int prefetch, int workers) {
    List<Dataset> datasets = List.of(arrays(41), arrays(50).subset(IntStream.range(5, 38).toArray()),
        CharacterVocabulary.of("abcdefgh").windows("abcdefghgfedcbabcdefghfedcba", 3, 1));
    for (Dataset data : datasets) {
      DataLoader loader = data.batches(4).shuffled().seed(5).prefetch(prefetch).workers(workers);
      assertThat(contents(loader.reusing().epoch(1))).isEqualTo(contents(loader.epoch(1)));
    }
  }

  @Test
  void memoryIsUsedAgainOnlyIfAskedForAndNeverThatOfATransformation() {
    Dataset data = arrays(40);
    assertThat(arraysOf(data.batches(4).epoch(0))).hasSize(20);
    // Two in flight, one with the caller, and one more, made while the caller has its first.
    assertThat(arraysOf(data.batches(4).reusing().epoch(0))).hasSizeLessThanOrEqualTo(8);
    assertThat(arraysOf(data.map(b -> b).batches(4).reusing().epoch(0))).hasSize(20);
  }

  private static Set<Object> arraysOf(Iterable<Batch> batches) {
    Set<Object> arrays = Collections.newSetFromMap(new IdentityHashMap<>());
    for (Batch b : batches) {
      b.fields().forEach(f -> arrays.add(f.data().heapBase().orElseThrow()));
    }
    return arrays;
  }

  @Test
  void dropLastLeavesFullBatchesOnly() {
    DataLoader loader = new Numbers(7).batches(3).dropLast();
    assertThat(numbers(loader)).containsExactly(List.of(0, 1, 2), List.of(3, 4, 5));
    assertThat(loader.batches()).isEqualTo(2);
    assertThat(loader.samples()).isEqualTo(6);
    assertThat(numbers(new Numbers(6).batches(3).dropLast())).hasSize(2);
  }

  @Test
  void anEmptyDatasetHasNoBatches() {
    assertThat(numbers(new Numbers(0).batches(3).shuffled().dropLast())).isEmpty();
  }

  @Test
  void theOrderOfAnEpochIsThePublishedAlgorithm() {
    // Computed by another program from the description in DataLoader's documentation.
    assertThat(Permutation.of(10, 42, 0)).containsExactly(1, 7, 2, 5, 6, 4, 0, 9, 8, 3);
    assertThat(Permutation.of(10, 42, 1)).containsExactly(0, 8, 6, 5, 1, 3, 7, 4, 2, 9);
    assertThat(Permutation.of(10, -1, 7)).containsExactly(1, 3, 6, 0, 9, 2, 5, 7, 8, 4);
    List<Integer> first = numbers(new Numbers(10).batches(10).shuffled().seed(42)).getFirst();
    assertThat(first).isEqualTo(Arrays.stream(Permutation.of(10, 42, 0)).boxed().toList());
  }

  @Test
  void allPermutationsAreEquallyLikely() {
    Map<List<Integer>, Integer> counts = new HashMap<>();
    for (int epoch = 0; epoch < 24_000; epoch++) {
      counts.merge(Arrays.stream(Permutation.of(4, 1, epoch)).boxed().toList(), 1, Integer::sum);
    }
    // Each of the 24 is expected 1,000 times with a standard deviation of 31; five of those are allowed.
    assertThat(counts).hasSize(24);
    assertThat(counts.values()).allSatisfy(count -> assertThat(count).isBetween(845, 1155));
  }

  @Test
  void everyEpochHasEverySampleOnceInAnOrderOfItsOwn() {
    DataLoader loader = new Numbers(100).batches(8).shuffled();
    List<List<Integer>> first = numbers(loader);
    List<List<Integer>> second = numbers(loader);
    assertThat(first).isNotEqualTo(second);
    for (List<List<Integer>> epoch : List.of(first, second)) {
      assertThat(epoch.stream().flatMap(List::stream))
          .containsExactlyInAnyOrderElementsOf(IntStream.range(0, 100).boxed().toList());
    }
    assertThat(numbers(loader.epoch(0))).isEqualTo(first);
    assertThat(numbers(loader.epoch(1))).isEqualTo(second);
    assertThat(numbers(loader.epoch(1))).as("an epoch asked for by number advances nothing").isEqualTo(second);
    assertThat(numbers(loader)).isEqualTo(numbers(loader.epoch(2)));
    assertThat(numbers(loader.seed(1))).as("another loader begins with epoch 0")
        .isEqualTo(numbers(loader.seed(1).epoch(0)))
        .isNotEqualTo(first);
  }

  @ParameterizedTest
  @CsvSource({"0, 1", "1, 1", "3, 1", "3, 3", "8, 2", "50, 7"})
  void theOrderDoesNotDependOnPrefetchAndWorkers(int prefetch, int workers) {
    // Every third batch is slow, so that batches finish out of order when there are several workers.
    Numbers uneven = new Numbers(101, indices -> {
      if (indices.length > 0 && indices[0] % 3 == 0) {
        pause(2);
      }
    });
    DataLoader loader = uneven.batches(5).shuffled().seed(3);
    assertThat(numbers(loader.prefetch(prefetch).workers(workers))).isEqualTo(numbers(loader.prefetch(0)));
  }

  private static void pause(int millis) {
    try {
      Thread.sleep(millis);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void workersWorkAtTheSameTime() {
    // Nobody passes the barrier alone.
    CyclicBarrier barrier = new CyclicBarrier(3);
    Numbers together = new Numbers(6, indices -> {
      try {
        barrier.await(20, TimeUnit.SECONDS);
      } catch (Exception e) {
        throw new IllegalStateException(e);
      }
    });
    assertThat(numbers(together.batches(1).prefetch(3).workers(3))).hasSize(6);
  }

  @Test
  void noMoreBatchesAreInTheMakingThanWorkersNorAheadThanPrefetch() {
    AtomicInteger active = new AtomicInteger();
    AtomicInteger most = new AtomicInteger();
    AtomicInteger made = new AtomicInteger();
    Numbers counting = new Numbers(40, indices -> {
      most.accumulateAndGet(active.incrementAndGet(), Math::max);
      pause(1);
      active.decrementAndGet();
      made.incrementAndGet();
    });
    int taken = 0;
    for (Batch batch : counting.batches(1).prefetch(6).workers(2)) {
      assertThat(batch.size()).isOne();
      taken++;
      assertThat(made.get()).isLessThanOrEqualTo(taken + 6);
    }
    assertThat(taken).isEqualTo(40);
    assertThat(most.get()).isLessThanOrEqualTo(2);
  }

  @Test
  void prefetchZeroWorksInTheCallingThread() {
    Thread caller = Thread.currentThread();
    Numbers here = new Numbers(4, indices -> assertThat(Thread.currentThread()).isSameAs(caller));
    assertThat(numbers(here.batches(2).prefetch(0))).hasSize(2);
  }

  @ParameterizedTest
  @CsvSource({"0", "3"})
  void aFailureNamesItsBatchAndTheNextOnesStillCome(int prefetch) {
    Numbers broken = new Numbers(10, indices -> {
      if (indices.length > 0 && indices[0] == 4) {
        throw new IllegalStateException("no such picture");
      }
    });
    Iterator<Batch> batches = broken.batches(2).prefetch(prefetch).epoch(6).iterator();
    batches.next();
    batches.next();
    assertThatThrownBy(batches::next).isInstanceOf(DataLoadingException.class)
        .hasMessage(
            "batch 2 of epoch 6 (5 batches of 2) could not be loaded: java.lang.IllegalStateException: no such picture")
        .hasCauseInstanceOf(IllegalStateException.class);
    assertThat(batches.next().get(0).toInts()).containsExactly(6, 7);
    assertThat(batches.next().get(0).toInts()).containsExactly(8, 9);
    assertThat(batches.hasNext()).isFalse();
    assertThatThrownBy(batches::next).isInstanceOf(NoSuchElementException.class).hasMessage("epoch 6 has 5 batches");
  }

  @ParameterizedTest
  @CsvSource({"0", "2"})
  void anErrorInAWorkerSurfacesToo(int prefetch) {
    Numbers broken = new Numbers(1, indices -> {
      throw new AssertionError("an Error and no Exception");
    });
    assertThatThrownBy(() -> broken.batches(1).prefetch(prefetch).epoch(0).iterator().next())
        .isInstanceOf(DataLoadingException.class)
        .hasRootCauseInstanceOf(AssertionError.class);
  }

  @Test
  void aDatasetThatMakesTooFewSamplesIsFound() {
    Dataset lying = new Dataset() {
      @Override
      public long size() {
        return 10;
      }

      @Override
      public List<Spec> specs() {
        return batch(new int[0]).specs();
      }

      @Override
      public Batch batch(int[] indices) {
        return Batch.of(HostArray.of(new int[3], 3));
      }
    };
    assertThatThrownBy(() -> numbers(lying.batches(5)))
        .hasMessageContaining("batch 0 of epoch 0").hasRootCauseMessage("the dataset made 3 samples when asked for 5");
  }

  @Test
  void anInterruptLosesNoBatchAndKeepsTheStatus() {
    CountDownLatch gate = new CountDownLatch(1);
    Iterator<Batch> batches = new Numbers(2, indices -> await(gate)).batches(1).iterator();
    Thread.currentThread().interrupt();
    assertThatThrownBy(batches::next).isInstanceOf(DataLoadingException.class)
        .hasMessage("interrupted while waiting for batch 0 of epoch 0");
    assertThat(Thread.interrupted()).isTrue();
    gate.countDown();
    assertThat(batches.next().get(0).toInts()).containsExactly(0);
    assertThat(batches.next().get(0).toInts()).containsExactly(1);
  }

  @Test
  void anAbandonedIteratorStopsWorkingAndIsCollected() throws InterruptedException {
    AtomicInteger made = new AtomicInteger();
    List<WeakReference<int[]>> memory = new ArrayList<>();
    Numbers watched = new Numbers(1000, indices -> {
      synchronized (memory) {
        memory.add(new WeakReference<>(indices));
      }
      made.incrementAndGet();
    });
    DataLoader loader = watched.batches(1).prefetch(4).workers(2);
    int taken = 0;
    for (Batch batch : loader) {
      taken += batch.size();
      if (taken == 5) {
        break;
      }
    }
    boolean collected = false;
    for (int i = 0; i < 100 && !collected; i++) {
      System.gc();
      Thread.sleep(20);
      synchronized (memory) {
        collected = made.get() == 9 && memory.stream().allMatch(batch -> batch.get() == null);
      }
    }
    assertThat(made.get()).as("5 were taken and 4 were in flight").isEqualTo(9);
    assertThat(collected).as("the batches are garbage").isTrue();
    assertThat(numbers(loader)).as("the loader itself is as good as new").hasSize(1000);
  }

  @Test
  void impossibleSettingsAreRefused() {
    Dataset dataset = new Numbers(10);
    assertThatThrownBy(() -> dataset.batches(0)).hasMessage("a batch size of 0; it must be at least 1");
    assertThatThrownBy(() -> dataset.batches(11).dropLast())
        .hasMessage("dropLast would drop all 10 samples, as a batch has 11; choose a smaller batch");
    assertThatThrownBy(() -> dataset.batches(1).prefetch(-1)).hasMessageContaining("prefetch of -1 batches");
    assertThatThrownBy(() -> dataset.batches(1).workers(0)).hasMessageContaining("0 workers");
    assertThatThrownBy(() -> dataset.batches(1).epoch(-1)).hasMessage("epoch -1; epochs are counted from 0");
  }
}
