package dev.tandem.core.testing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import dev.tandem.core.backend.PendingRead;
import dev.tandem.core.backend.Storage;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.HostArray;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Memory: zeros at first, then exactly what was written where it was written. */
abstract class MemoryContract extends Contract {
  private List<DType> types() {
    return Arrays.stream(DType.values()).filter(backend()::supports).toList();
  }

  private static HostArray noise(DType type, int n, long seed) {
    HostArray a = HostArray.zeros(type, n);
    Random random = new Random(seed);
    for (int i = 0; i < n; i++) {
      a.set(i, Numbers.SPECIAL.draw(type, random));
    }
    return a;
  }

  private HostArray read(Storage s, long at, int n) {
    HostArray a = HostArray.zeros(s.dtype(), n);
    backend().read(s, at, a.data());
    return a;
  }

  @Test
  void theUsualElementTypesAreSupported() {
    assertThat(types()).contains(DType.F32, DType.BF16, DType.I32, DType.U8, DType.BOOL);
  }

  @Test
  void newMemoryIsZero() {
    for (int round = 0; round < 3; round++) {
      for (DType type : types()) {
        for (int n : new int[] {1, 3, 64, 1000, 70_001}) {
          Storage s = backend().allocate(type, n);
          assertThat(s.dtype()).isEqualTo(type);
          assertThat(s.elements()).isGreaterThanOrEqualTo(n);
          assertThat(read(s, 0, n).data().mismatch(HostArray.zeros(type, n).data())).as("%s, %d elements", type, n)
              .isEqualTo(-1);
          // What comes back after a release must be cleared again.
          backend().write(s, 0, noise(type, n, n).data());
          s.release().run();
        }
      }
    }
  }

  @Test
  void writesAndReadsAtAnyElement() {
    for (DType type : types()) {
      Storage s = backend().allocate(type, 300);
      HostArray mirror = HostArray.zeros(type, 300);
      int[][] pieces = {{0, 300}, {0, 1}, {1, 1}, {299, 1}, {7, 13}, {150, 150}, {31, 0}, {300, 0}, {3, 64}};
      for (int[] piece : pieces) {
        HostArray part = noise(type, piece[1], piece[0]);
        backend().write(s, piece[0], part.data());
        mirror.data().asSlice((long) piece[0] * type.bytes(), part.data().byteSize()).copyFrom(part.data());
        assertThat(read(s, 0, 300).data().mismatch(mirror.data()))
            .as("%s after a write of %d at %d", type, piece[1], piece[0]).isEqualTo(-1);
        assertThat(read(s, piece[0], piece[1]).data().mismatch(part.data()))
            .as("%s, %d at %d", type, piece[1], piece[0]).isEqualTo(-1);
      }
      s.release().run();
    }
  }

  @Test
  void theSourceOfAWriteMayBeReusedAtOnce() {
    Storage s = backend().allocate(DType.F32, 5000);
    HostArray source = noise(DType.F32, 5000, 1);
    HostArray copy = noise(DType.F32, 5000, 1);
    backend().write(s, 0, source.data());
    source.data().fill((byte) 0);
    assertThat(read(s, 0, 5000).data().mismatch(copy.data())).isEqualTo(-1);
    s.release().run();
  }

  /** Around sizes at which a backend may go other ways, and the last of several megabytes. */
  @Test
  void manyWritesOfAllSizesArriveInOrder() {
    int[] sizes = {1, 16_384, 16_385, 524_288, 524_289, 5, 1_100_000, 3, 262_144};
    Storage s = backend().allocate(DType.I32, 1_100_000);
    HostArray mirror = HostArray.zeros(DType.I32, 1_100_000);
    for (int round = 0; round < 3; round++) {
      for (int n : sizes) {
        HostArray part = HostArray.zeros(DType.I32, n);
        for (int i = 0; i < n; i++) {
          part.set(i, 31 * i + n + round);
        }
        int at = (mirror.toInts().length - n) / (round + 1);
        backend().write(s, at, part.data());
        mirror.data().asSlice(4L * at, 4L * n).copyFrom(part.data());
        part.data().fill((byte) -1);
      }
    }
    assertThat(read(s, 0, 1_100_000).data().mismatch(mirror.data())).isEqualTo(-1);
    s.release().run();
  }

  @Test
  void aReadForLaterSeesWhatWasThereWhenItWasAskedFor() {
    for (DType type : types()) {
      for (int n : new int[] {0, 1, 300, 5000}) {
        Storage s = backend().allocate(type, n + 3);
        List<HostArray> written = new ArrayList<>();
        List<HostArray> arrived = new ArrayList<>();
        List<PendingRead> pending = new ArrayList<>();
        for (int i = 0; i < 200; i++) {
          HostArray values = noise(type, n, 1000L * n + i);
          HostArray to = HostArray.zeros(type, n);
          backend().write(s, 3, values.data());
          written.add(values);
          arrived.add(to);
          pending.add(backend().readLater(s, 3, to.data()));
        }
        backend().write(s, 0, HostArray.zeros(type, n + 3).data());
        // The last first, half of them never asked whether they are done, and one in ten not awaited at all.
        for (int i = 199; i >= 0; i--) {
          if (i % 10 != 0) {
            if (i % 2 == 0) {
              assertThat(pending.get(i).isDone()).isIn(true, false);
            }
            pending.get(i).await();
            pending.get(i).await();
            assertThat(pending.get(i).isDone()).isTrue();
            assertThat(arrived.get(i).data().mismatch(written.get(i).data())).as("%s, %d elements, read %d", type, n, i)
                .isEqualTo(-1);
          }
        }
        s.release().run();
      }
    }
  }

  @Test
  void storagesAreApart() {
    Storage a = backend().allocate(DType.I32, 77);
    Storage b = backend().allocate(DType.I32, 77);
    HostArray x = noise(DType.I32, 77, 1);
    HostArray y = noise(DType.I32, 77, 2);
    backend().write(a, 0, x.data());
    backend().write(b, 0, y.data());
    assertThat(read(a, 0, 77).data().mismatch(x.data())).isEqualTo(-1);
    assertThat(read(b, 0, 77).data().mismatch(y.data())).isEqualTo(-1);
    assertThat(a).isNotEqualTo(b).isNotEqualTo(backend().allocate(DType.I32, 77));
    a.release().run();
    assertThat(read(b, 0, 77).data().mismatch(y.data())).as("after the release of another storage").isEqualTo(-1);
    b.release().run();
  }

  @Test
  void emptyMemoryIsMemory() {
    for (DType type : types()) {
      Storage s = backend().allocate(type, 0);
      assertThatCode(() -> {
        backend().write(s, 0, HostArray.zeros(type, 0).data());
        backend().read(s, 0, HostArray.zeros(type, 0).data());
        s.release().run();
      }).as(type.toString()).doesNotThrowAnyException();
    }
  }

  @Test
  void nameAndDescriptionSaySomething() {
    assertThat(backend().name()).isNotBlank().doesNotContain(" ");
    assertThat(backend().describe()).isNotBlank().doesNotContain("\n");
  }
}
