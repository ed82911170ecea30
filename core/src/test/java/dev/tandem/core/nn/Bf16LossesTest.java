package dev.tandem.core.nn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.tandem.core.autograd.Gradients;
import dev.tandem.core.autograd.Tape;
import dev.tandem.core.op.Precision;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.tensor.Scope;
import dev.tandem.core.tensor.StepArena;
import dev.tandem.core.tensor.Tensor;
import dev.tandem.core.testing.ReferenceBackend;
import java.util.SplittableRandom;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Losses read BF16 and compute in F32: their value is to the bit that of the same numbers in F32. */
class Bf16LossesTest {
  private static final int N = 6;
  private static final int CLASSES = 5;

  record Case(String name, BiFunction<Tensor, Reduction, Tensor> loss) {
    @Override
    public String toString() {
      return name;
    }
  }

  private static Case pairs(String name, Function<Reduction, Loss> loss) {
    return new Case(name, (y, r) -> loss.apply(r).apply(y, Tensor.full(y.device(), 0.375, N, CLASSES)));
  }

  private static Case labels(String name, Function<Reduction, Loss> loss) {
    return new Case(name,
        (y, r) -> loss.apply(r).apply(y, Tensor.of(y.device(), new int[] {0, 4, 2, 2, 1, 3}, N)));
  }

  static Stream<Case> losses() {
    ClassificationOptions smoothed = ClassificationOptions.DEFAULT.withLabelSmoothing(0.1);
    return Stream.of(pairs("mse", Losses::mse), pairs("mae", Losses::mae), pairs("huber", r -> Losses.huber(0.5, r)),
        pairs("binaryCrossEntropyWithLogits", r -> Losses.binaryCrossEntropyWithLogits(r)),
        pairs("klDivergence", r -> Losses.klDivergence(false, r)), pairs("hinge", Losses::hinge),
        pairs("cosineSimilarity", Losses::cosineSimilarity),
        labels("crossEntropy", r -> Losses.crossEntropy(ClassificationOptions.DEFAULT.withReduction(r))),
        labels("smoothed", r -> Losses.crossEntropy(smoothed.withReduction(r))),
        labels("nll", r -> Losses.nll(ClassificationOptions.DEFAULT.withReduction(r))),
        labels("multiMargin", r -> Losses.multiMargin(1, 1, r)),
        new Case("ctc", (y, r) -> new CtcLoss(0, r, false).apply(y.reshape(N, 1, CLASSES),
            Tensor.of(y.device(), new int[] {1, 3}, 1, 2), Tensor.of(y.device(), new int[] {N}, 1),
            Tensor.of(y.device(), new int[] {2}, 1))));
  }

  private record Result(double[] loss, HostArray gradient) {
  }

  private static Result run(Case c, Reduction reduction, Precision precision, @Nullable DType converted) {
    Device device = new Device(new ReferenceBackend());
    HostArray values = HostArray.zeros(DType.BF16, N, CLASSES);
    SplittableRandom random = new SplittableRandom(31);
    for (int i = 0; i < values.shape().size(); i++) {
      values.set(i, random.nextGaussian());
    }
    Tensor leaf = Tensor.of(device, values).requireGrad();
    try (Scope _ = Scope.training(device, new StepArena(device, "test"), new Tape(), null, null, precision)) {
      Tensor loss = c.loss.apply(converted == null ? leaf : leaf.to(converted), reduction);
      assertThat(loss.dtype()).isEqualTo(DType.F32);
      Tensor g = Gradients.of(loss.sum()).get(leaf);
      assertThat(g).isNotNull();
      assertThat(g.spec()).isEqualTo(leaf.spec());
      return new Result(loss.toHost().toDoubles(), g.toHost());
    }
  }

  @ParameterizedTest
  @MethodSource("losses")
  void areThoseOfTheSameNumbersInF32(Case c) {
    for (Reduction reduction : Reduction.values()) {
      Result wide = run(c, reduction, Precision.BF16, DType.F32);
      Result read = run(c, reduction, Precision.BF16, null);
      assertThat(read.loss).as("%s", reduction).isEqualTo(wide.loss);
      for (int i = 0; i < N * CLASSES; i++) {
        // Where a number is used several times in a loss, each part of its gradient is rounded.
        assertThat(read.gradient.get(i)).as("%s, element %d", reduction, i)
            .isCloseTo(wide.gradient.get(i), within(0x1p-7 * Math.max(1, Math.abs(wide.gradient.get(i)))));
      }
    }
  }
}
