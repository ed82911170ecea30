package dev.tandem.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TeamTest {
  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 7})
  void everyChunkRunsOnceInEveryRound(int size) throws InterruptedException {
    try (Team team = new Team(size)) {
      for (int round = 0; round < 3000; round++) {
        AtomicIntegerArray runs = new AtomicIntegerArray(round % 23);
        team.run(runs.length(), (worker, chunk) -> {
          assertThat(worker).isBetween(0, size - 1);
          runs.incrementAndGet(chunk);
        });
        for (int c = 0; c < runs.length(); c++) {
          assertThat(runs.get(c)).as("round %d, chunk %d", round, c).isEqualTo(1);
        }
        if (round % 1000 == 999) {
          // Long enough for the helpers to park.
          Thread.sleep(5);
        }
      }
    }
  }

  @Test
  void eachBeginsWithItsOwnPart() {
    try (Team team = new Team(3)) {
      CountDownLatch all = new CountDownLatch(3);
      AtomicIntegerArray by = new AtomicIntegerArray(8);
      team.run(by.length(), (worker, chunk) -> {
        by.set(chunk, worker);
        all.countDown();
        try {
          all.await();
        } catch (InterruptedException e) {
          throw new IllegalStateException(e);
        }
      });
      assertThat(by.get(0)).isEqualTo(0);
      assertThat(by.get(2)).isEqualTo(1);
      assertThat(by.get(5)).isEqualTo(2);
    }
  }

  @Test
  void whoIsDoneHelpsTheOthers() {
    try (Team team = new Team(2)) {
      CountDownLatch others = new CountDownLatch(9);
      Set<Integer> ofTheFirst = ConcurrentHashMap.newKeySet();
      team.run(10, (worker, chunk) -> {
        if (worker == 0) {
          ofTheFirst.add(chunk);
          try {
            others.await();
          } catch (InterruptedException e) {
            throw new IllegalStateException(e);
          }
        } else {
          others.countDown();
        }
      });
      assertThat(ofTheFirst).containsExactly(0);
    }
  }

  @Test
  void anExceptionInAChunkReachesTheCallerAndTheTeamGoesOn() {
    try (Team team = new Team(2)) {
      for (int i = 0; i < 100; i++) {
        assertThatThrownBy(() -> team.run(10, (worker, chunk) -> {
          if (chunk == 7) {
            throw new IndexOutOfBoundsException("chunk 7");
          }
        })).isInstanceOf(IndexOutOfBoundsException.class).hasMessage("chunk 7");
      }
      AtomicIntegerArray runs = new AtomicIntegerArray(10);
      team.run(10, (worker, chunk) -> runs.incrementAndGet(chunk));
      assertThat(runs.toString()).isEqualTo("[1, 1, 1, 1, 1, 1, 1, 1, 1, 1]");
    }
  }
}
