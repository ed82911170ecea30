package dev.tandem.core.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tandem.core.autograd.Gradients;
import dev.tandem.core.autograd.Tape;
import dev.tandem.core.backend.Backend;
import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.OutOfDeviceMemoryException;
import dev.tandem.core.backend.Storage;
import dev.tandem.core.nn.Linear;
import dev.tandem.core.nn.Module;
import dev.tandem.core.nn.Relu;
import dev.tandem.core.nn.Sequential;
import dev.tandem.core.nn.Tanh;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.testing.ReferenceBackend;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Who may read what, and how long. */
class MemoryTest {
  private final Device device = new Device(new ReferenceBackend());

  private Tensor numbers(int... dims) {
    int n = 1;
    for (int d : dims) {
      n *= d;
    }
    float[] v = new float[n];
    for (int i = 0; i < n; i++) {
      v[i] = i % 17 - 8;
    }
    return Tensor.of(device, v, dims);
  }

  private Scope step(StepArena arena) {
    return Scope.training(device, arena, new Tape(), null, null);
  }

  @Test
  void aKeptCopyLiesInMemoryAsTheTensorDoes() {
    Tensor x = Tensor.of(device, new float[] {1, 2, 3, 4, 5, 6}, 2, 3).transpose(0, 1);
    Tensor copy = Tensor.persistentLike(x, "test");
    copy.assign(x);
    assertThat(copy.layout()).isEqualTo(x.layout());
    assertThat(copy.toArray()).containsExactly(1, 4, 2, 5, 3, 6);
    assertThat(Tensor.persistentLike(x.expand(2, 3, 2), "test").layout().isContiguous()).isTrue();
  }

  @Test
  void aTensorUsedAfterItsStepIsRefused() {
    StepArena arena = new StepArena(device, "step");
    Tensor x = numbers(4);
    Tensor y;
    Tensor view;
    try (Scope _ = step(arena)) {
      y = x.add(x);
      view = y.reshape(2, 2);
    }
    try (Scope _ = step(arena)) {
      x.add(x);
    }
    assertThatThrownBy(y::toArray).isInstanceOf(IllegalStateException.class)
        .hasMessage("this tensor was freed at the end of step 1; keep() it, or return it");
    assertThatThrownBy(view::toArray).hasMessageContaining("freed at the end of step 1");
    assertThatThrownBy(() -> y.add(x)).hasMessageContaining("freed at the end of step 1");
  }

  @Test
  void keepOutlivesTheStep() {
    StepArena arena = new StepArena(device, "step");
    Tensor x = numbers(4);
    Tensor kept = x;
    for (int i = 0; i < 3; i++) {
      try (Scope _ = step(arena)) {
        Tensor y = x.mul(i + 1);
        if (i == 0) {
          kept = y.keep();
        }
      }
    }
    assertThat(kept.toArray()).containsExactly(x.toArray());
  }

  /** A layer that remembers a temporary, as a careless user's might. */
  private static final class Remembering extends Module {
    @Nullable Tensor seen;

    @Override
    protected Tensor forward(Tensor x) {
      seen = x.mul(3);
      return seen.add(x);
    }
  }

  @Test
  void aLayersTemporariesAreFreedWhenItReturns() {
    Remembering layer = new Remembering();
    Module model = new Sequential(new Relu(), layer).on(device, 1);
    try (Scope _ = step(new StepArena(device, "step"))) {
      model.apply(numbers(4));
      assertThatThrownBy(() -> layer.seen.toArray())
          .hasMessage("this tensor was freed at the end of 1 in step 1 (Sequential.1); keep() it, or return it");
    }
  }

  @Test
  void theUsersOwnTensorsSurviveBackward() {
    Module model = new Sequential(new Linear(3, 4), new Tanh()).on(device, 1);
    Tensor x = numbers(2, 3);
    try (Scope _ = step(new StepArena(device, "step"))) {
      Tensor y = model.apply(x);
      Tensor z = y.mul(y);
      float[] before = y.toArray();
      Gradients.of(z.mean());
      assertThat(y.toArray()).containsExactly(before);
      assertThat(z.toArray()).hasSize(8);
    }
  }

  /** 20 x (Linear, Relu): 102 activations if nothing were freed early. */
  @Test
  void aDeepModelNeedsLittleMoreThanWhatItsGradientsRead() {
    int width = 16;
    int batch = 64;
    int depth = 20;
    List<Module> layers = new ArrayList<>();
    for (int i = 0; i < depth; i++) {
      layers.add(new Linear(width, width));
      layers.add(new Relu());
    }
    Module model = new Sequential(layers.toArray(Module[]::new)).on(device, 1);
    StepArena arena = new StepArena(device, "step");
    Tensor x = numbers(batch, width);
    try (Scope _ = step(arena)) {
      Gradients.of(model.apply(x).mean());
    }
    assertThat(arena.bytes() / (double) (batch * width * 4)).isLessThan(26);
    long trained = arena.bytes();
    for (int i = 0; i < 5; i++) {
      model.apply(x);
    }
    assertThat(device.inferenceArena().bytes()).as("inference").isLessThan(4L * batch * width * 4);
    assertThat(arena.bytes()).isEqualTo(trained);
  }

  @Test
  void inferenceNeedsNoScopeAndItsResultsLast() {
    Module model = new Sequential(new Linear(3, 4), new Relu()).on(device, 1);
    Tensor x = numbers(5, 3);
    Tensor first = model.apply(x);
    float[] values = first.toArray();
    for (int i = 0; i < 1000; i++) {
      model.apply(x);
    }
    assertThat(first.toArray()).containsExactly(values);
    assertThat(device.inferenceArena().bytes()).isLessThan(4096);
  }

  @Test
  void sharedConstantsAreNotWritten() {
    Tensor shared = Tensor.arange(device, 4);
    assertThatThrownBy(() -> shared.assign(shared.add(1))).isInstanceOf(IllegalStateException.class)
        .hasMessage("this tensor is a constant that others share; write to a copy, such as add(0)");
    assertThatThrownBy(() -> shared.slice(0, 1, 2).write(HostArray.of(new int[1], 1)))
        .hasMessageContaining("a constant that others share");
    assertThat(Tensor.arange(device, 4).toIntArray()).containsExactly(0, 1, 2, 3);
  }

  @Test
  void inferenceInsideInferenceLeavesTheOuterOnesTensors() {
    try (Scope outer = Scope.inference(device)) {
      Tensor x = numbers(4).mul(2);
      try (Scope inner = Scope.inference(device)) {
        assertThat(x.add(x).device()).isSameAs(inner.device());
      }
      assertThat(x.toArray()).hasSize(4);
      assertThat(outer.path()).isEmpty();
    }
  }

  @Test
  void sizeClassesWasteAtMostAnEighth() {
    for (long n = 1; n < 100_000; n += 7) {
      long size = StepArena.sizeClass(n);
      assertThat(size).isGreaterThanOrEqualTo(n);
      assertThat(size).isLessThanOrEqualTo(Math.max(n + 15, n + n / 8 + 1));
      assertThat(StepArena.sizeClass(size)).isEqualTo(size);
    }
  }

  @Test
  void leakedTensorsAreCollectedBeforeMemoryRunsOut() {
    Device small = new Device(new Room(10_000));
    for (int i = 0; i < 50; i++) {
      Tensor.of(small, new float[3000], 3000);
    }
    assertThat(small.bytesHeld()).isLessThanOrEqualTo(40_000);
  }

  @Test
  void outOfMemoryNamesTheLargestHolders() {
    Device small = new Device(new Room(10_000));
    Module model = new Sequential(new Linear(40, 60)).on(small, 1);
    List<Tensor> kept = new ArrayList<>();
    assertThatThrownBy(() -> {
      for (int i = 0; i < 20; i++) {
        kept.add(Tensor.of(small, new float[1000], 1000));
      }
    }).isInstanceOf(OutOfDeviceMemoryException.class)
        .hasMessageStartingWith(
            "room has no room for 3.9 KiB of tensors made outside any step: all 10000 elements are taken. It holds ")
        .hasMessageContaining("tensors made outside any step 19.5 KiB")
        .hasMessageContaining("parameters of Sequential 9.6 KiB")
        .hasMessageEndingWith("Use a smaller batch or model, or let go of tensors kept with keep()");
    assertThat(model.parameterCount()).isEqualTo(2460);
    assertThat(kept).hasSize(5);
  }

  @Test
  void aDtypeThatTheDeviceLacksIsRefusedInWords() {
    Device f32 = new Device(new Room(1000));
    assertThatThrownBy(() -> Tensor.of(f32, HostArray.of(new double[2], 2))).hasMessage("room has no F64; use F32");
  }

  /** A device that has memory for some elements and computes nothing. */
  private static final class Room implements Backend {
    private final int all;
    private final AtomicLong left;

    private record Block(DType dtype, long elements, Runnable release) implements Storage {
      @Override
      public boolean equals(Object o) {
        return this == o;
      }

      @Override
      public int hashCode() {
        return System.identityHashCode(this);
      }
    }

    Room(int all) {
      this.all = all;
      left = new AtomicLong(all);
    }

    @Override
    public String name() {
      return "room";
    }

    @Override
    public String describe() {
      return "memory only";
    }

    @Override
    public Storage allocate(DType dtype, long elements) {
      if (left.addAndGet(-elements) < 0) {
        left.addAndGet(elements);
        throw new OutOfDeviceMemoryException("all " + all + " elements are taken");
      }
      AtomicLong counter = left;
      return new Block(dtype, elements, () -> counter.addAndGet(elements));
    }

    @Override
    public void write(Storage to, long at, MemorySegment from) {
    }

    @Override
    public void read(Storage from, long at, MemorySegment to) {
    }

    @Override
    public void execute(Call call) {
    }

    @Override
    public void synchronize() {
    }

    @Override
    public void close() {
    }
  }
}
