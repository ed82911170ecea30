package dev.tandem.core.autograd;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tandem.core.op.Conv2d;
import dev.tandem.core.op.ConvGeometry;
import dev.tandem.core.op.Op;
import dev.tandem.core.op.Pointwise;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.Spec;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.tensor.Execution;
import dev.tandem.core.tensor.Scope;
import dev.tandem.core.tensor.StepArena;
import dev.tandem.core.tensor.Tensor;
import dev.tandem.core.tensor.Trace;
import dev.tandem.core.testing.ReferenceBackend;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Leaves whose gradients belong into given memory, such as a model's flat gradient buffer. */
class GradientDestinationTest {
  private static final Device DEVICE = new Device(new ReferenceBackend());

  private final Trace trace = new Trace();

  private Scope step() {
    return Scope.training(DEVICE, new StepArena(DEVICE, "step"), new Tape(), null, trace);
  }

  private static Tensor values(int... dims) {
    SplittableRandom random = new SplittableRandom(dims.length);
    float[] v = new float[Math.toIntExact(Shape.of(dims).size())];
    for (int i = 0; i < v.length; i++) {
      v[i] = random.nextInt(-16, 17) / 8f;
    }
    return Tensor.of(DEVICE, v, dims);
  }

  /** NaN everywhere: whatever is not overwritten shows. */
  private static Tensor destination(int... dims) {
    return Tensor.persistent(DEVICE, HostArray.of(Tensor.full(DEVICE, Float.NaN, dims).toArray(), dims), "gradients");
  }

  private boolean copied() {
    return trace.calls().stream().map(c -> c.op()).anyMatch(op -> op instanceof Pointwise p && p.name().equals("copy"));
  }

  record Use(String name, boolean direct, Function<Tensor, Tensor> f, int... dims) {
    @Override
    public String toString() {
      return name;
    }
  }

  static Stream<Use> uses() {
    Tensor x = values(5, 3);
    Tensor image = values(2, 2, 4, 4);
    Tensor index = Tensor.of(DEVICE, new int[] {1, 1, 0}, 3);
    Op conv = new Conv2d(ConvGeometry.of(1, 1));
    return Stream.of(new Use("matmul", true, w -> x.matmul(w), 3, 4),
        new Use("matmul, first operand", true, w -> w.matmul(x), 2, 5),
        new Use("transposed", true, w -> x.matmul(w.transpose(0, 1)), 4, 3),
        new Use("reshaped", true, w -> x.matmul(w.reshape(3, 4)), 12),
        new Use("transposed and reshaped", true, w -> x.matmul(w.reshape(4, 3).transpose(0, 1)), 2, 6),
        new Use("bias", true, w -> x.add(w), 3), new Use("bias of a column", true, w -> x.mul(w), 5, 1),
        new Use("bias reshaped", true, w -> image.add(w.reshape(2, 1, 1)), 2),
        new Use("expanded", true, w -> w.expand(5, 3).mul(x), 1, 3),
        new Use("rows", true, w -> w.indexSelect(0, index), 2, 3),
        new Use("convolution", true, w -> Execution.one(conv, image, w), 3, 2, 3, 3),
        new Use("pointwise", false, w -> w.mul(x), 5, 3), new Use("copied through", false, w -> w.add(x), 5, 3),
        new Use("sliced", false, w -> w.slice(1, 1, 3), 2, 3),
        new Use("permuted and sliced", false, w -> w.transpose(0, 1).select(0, 2), 2, 3),
        new Use("softmax", false, w -> w.softmax(1).mul(x), 5, 3),
        new Use("concat", false, w -> Tensor.concat(0, w, x), 5, 3),
        new Use("matmul twice", false, w -> x.matmul(w).add(x.matmul(w)).add(x.mul(2).matmul(w)), 3, 4),
        new Use("matmul with itself", false, w -> w.matmul(w), 3, 3),
        new Use("matmul of one view twice", false, w -> {
          Tensor t = w.transpose(0, 1);
          return x.matmul(t).add(x.mul(2).matmul(t));
        }, 4, 3),
        new Use("two views", false, w -> x.matmul(w.transpose(0, 1)).add(x.square().matmul(w.transpose(0, 1))), 4, 3),
        new Use("directly and through a view", false, w -> x.matmul(w.transpose(0, 1)).sum().add(w.square().sum()), 4,
            3),
        new Use("through a view and a slice", false, w -> w.slice(0, 1, 3).sum().add(x.matmul(w.transpose(0, 1)).sum()),
            4, 3),
        new Use("through a slice and a view", false, w -> x.matmul(w.transpose(0, 1)).sum().add(w.slice(0, 1, 3).sum()),
            4, 3),
        new Use("bias twice", false, w -> x.add(w).mul(x.mul(w)), 3),
        new Use("expanded and sliced", false, w -> w.expand(5, 3).mul(x).slice(1, 0, 2).add(w.slice(1, 1, 2)), 1, 3));
  }

  /** What the same step gives a leaf without a destination. */
  private static float[] plain(Use use, Tensor values) {
    Tensor leaf = values.requireGrad();
    try (Scope _ = Scope.training(DEVICE, new StepArena(DEVICE, "step"), new Tape(), null, null)) {
      return Gradients.of(use.f.apply(leaf).square().sum()).get(leaf).toArray();
    }
  }

  @ParameterizedTest
  @MethodSource("uses")
  void theFirstPassFillsTheDestination(Use use) {
    Tensor values = values(use.dims);
    Tensor destination = destination(use.dims);
    Tensor leaf = values.requireGrad(destination);
    float[] expected = plain(use, values);
    try (Scope _ = step()) {
      Gradients g = Gradients.of(use.f.apply(leaf).square().sum());
      assertThat(g.get(leaf)).isSameAs(destination);
      if (use.direct) {
        assertThat(copied()).as("copied into its destination").isFalse();
      }
    }
    assertThat(destination.toArray()).isEqualTo(expected);
  }

  @ParameterizedTest
  @MethodSource("uses")
  void aLaterPassOfTheStepLeavesTheDestinationAlone(Use use) {
    Tensor values = values(use.dims);
    Tensor destination = destination(use.dims);
    Tensor leaf = values.requireGrad(destination);
    float[] expected = plain(use, values);
    try (Scope _ = step()) {
      Gradients first = Gradients.of(use.f.apply(leaf).square().sum());
      Gradients second = Gradients.of(use.f.apply(leaf).square().sum());
      assertThat(second.get(leaf).lease().sharesMemory(destination.lease())).isFalse();
      assertThat(second.get(leaf).toArray()).isEqualTo(expected);
      assertThat(first.get(leaf).toArray()).isEqualTo(expected);
      float[] sum = first.plus(second).get(leaf).toArray();
      for (int i = 0; i < sum.length; i++) {
        assertThat(sum[i]).isEqualTo(2 * expected[i]);
      }
    }
    try (Scope _ = step()) {
      assertThat(Gradients.of(use.f.apply(leaf).mul(2).sum()).get(leaf)).as("the next step").isSameAs(destination);
    }
  }

  @Test
  void aViewedPartOfAFlatBufferIsADestination() {
    Tensor flat = destination(20);
    Tensor weight = values(4, 3).requireGrad(flat.slice(0, 2, 14).reshape(4, 3));
    Tensor bias = values(4).requireGrad(flat.slice(0, 15, 19));
    Tensor x = values(5, 3);
    try (Scope _ = step()) {
      Gradients g = Gradients.of(x.matmul(weight.transpose(0, 1)).add(bias).sum());
      assertThat(g.get(bias).toArray()).containsOnly(5);
      float[] columns = x.sum(0).toArray();
      for (int row = 0; row < 4; row++) {
        assertThat(g.get(weight).select(0, row).toArray()).isEqualTo(columns);
      }
    }
    float[] all = flat.toArray();
    for (int gap : new int[] {0, 1, 14, 19}) {
      assertThat(all[gap]).as("element %s", gap).isNaN();
    }
  }

  @Test
  void aStridedDestinationIsFilledToo() {
    Tensor memory = destination(3, 8);
    Tensor view = memory.transpose(0, 1).slice(0, 1, 8, 2);
    Tensor leaf = values(4, 3).requireGrad(view);
    Tensor x = values(5, 3);
    try (Scope _ = step()) {
      Gradients g = Gradients.of(x.matmul(leaf.reshape(3, 4)).sum());
      assertThat(g.get(leaf)).isSameAs(view);
    }
    assertThat(view.contiguous().reshape(3, 4).sum(1).toArray()).isEqualTo(x.sum(0).mul(4).toArray());
    assertThat(memory.select(1, 0).toArray()).containsOnly(Float.NaN);
  }

  @Test
  void leavesWithAndWithoutADestinationMayShareAGradient() {
    // Many, since their order is one of identity hashes.
    for (int round = 0; round < 20; round++) {
      List<Tensor> leaves = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        leaves.add(i % 2 == 0 ? values(2, 2).requireGrad() : values(2, 2).requireGrad(destination(2, 2)));
      }
      try (Scope _ = step()) {
        Tensor sum = leaves.get(0).add(leaves.get(1)).add(leaves.get(2).add(leaves.get(3)));
        Gradients g = Gradients.of(sum.mul(3).sum());
        Tensor.full(DEVICE, Float.NaN, 2, 2);
        for (Tensor leaf : leaves) {
          assertThat(g.get(leaf).toArray()).containsOnly(3);
        }
      }
    }
  }

  @Test
  void everyFloatTypeReachesItsDestination() {
    for (DType dtype : List.of(DType.F32, DType.F64, DType.BF16)) {
      UnaryOperator<Tensor> bias = w -> Tensor.ones(DEVICE, 4, 3).mul(w);
      Tensor destination = Tensor.persistentZeros(DEVICE, new Spec(Shape.of(3), dtype), "gradients");
      Tensor leaf = Tensor.ones(DEVICE, 3).to(dtype).requireGrad(destination);
      try (Scope _ = step()) {
        assertThat(Gradients.of(bias.apply(leaf).sum()).get(leaf)).isSameAs(destination);
      }
      assertThat(destination.toArray()).containsOnly(4);
    }
  }

  @Test
  void aLeafThatTheLossDoesNotReachKeepsItsDestination() {
    Tensor destination = destination(2);
    Tensor unused = values(2).requireGrad(destination);
    Tensor used = values(2).requireGrad();
    try (Scope _ = step()) {
      assertThat(Gradients.of(used.sum()).get(unused)).isNull();
      assertThat(Gradients.of(unused.sum()).get(unused)).isSameAs(destination);
    }
    assertThat(destination.toArray()).containsOnly(1);
  }
}
