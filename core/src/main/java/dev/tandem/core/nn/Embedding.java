package dev.tandem.core.nn;

import dev.tandem.core.op.Gather;
import dev.tandem.core.pointwise.Expr;
import dev.tandem.core.pointwise.Launch;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.DType.Kind;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.tensor.Execution;
import dev.tandem.core.tensor.Tensor;
import java.util.Arrays;
import java.util.OptionalInt;

/**
 * A vector for each of V symbols: indices I32 {@code [...] -> [..., D]}, rows of weight {@code [V, D]}. An index outside 0 to V - 1 is
 * an {@link IndexOutOfBoundsException} where the backend can raise one.
 *
 * <p>Rows are F32 in a step in BF16 too: casting the table would cost more than the few rows that are read, and the gradients of a
 * symbol, of which there may be many in a batch, add up in F32.
 */
public final class Embedding extends Module {
  private static final Program FREEZE_PADDING = Program.of(3,
      Expr.input(2, Kind.INT).equal(Expr.argument(0, Kind.INT)).where(Expr.input(1), Expr.input(0)));

  private final int features;
  private final OptionalInt paddingIndex;
  private final Parameter weight;

  /** Standard normal, as PyTorch has it. */
  public Embedding(int symbols, int features) {
    this(symbols, features, OptionalInt.empty(), Initializers.normal(0, 1));
  }

  /** Standard normal but for the row of {@code paddingIndex}, which begins as zeros and gets no gradient. */
  public Embedding(int symbols, int features, int paddingIndex) {
    this(symbols, features, OptionalInt.of(paddingIndex), Initializers.normal(0, 1));
  }

  /** @param paddingIndex whose row begins as zeros and gets no gradient, if any */
  public Embedding(int symbols, int features, OptionalInt paddingIndex, Initializer weightInit) {
    if (symbols < 1 || features < 1) {
      throw new ShapeException(
          "Embedding of " + symbols + " symbols in " + features + " features; both must be positive");
    }
    if (paddingIndex.isPresent() && (paddingIndex.getAsInt() < 0 || paddingIndex.getAsInt() >= symbols)) {
      throw new IllegalArgumentException(
          "padding index " + paddingIndex.getAsInt() + " is none of the " + symbols + " symbols, counted from 0");
    }
    this.features = features;
    this.paddingIndex = paddingIndex;
    weight = parameter("weight", paddingIndex.isPresent() ? withZeros(weightInit, paddingIndex.getAsInt()) : weightInit,
        symbols, features);
  }

  private static Initializer withZeros(Initializer init, int row) {
    return (values, shape, random) -> {
      init.fill(values, shape, random);
      Arrays.fill(values, row * shape.dim(1), (row + 1) * shape.dim(1), 0);
    };
  }

  @Override
  protected Tensor forward(Tensor indices) {
    int count = Math.toIntExact(indices.shape().size());
    Tensor flat = indices.reshape(count);
    Tensor rows = Execution.one(new Gather(), weight.tensor(), flat);
    if (paddingIndex.isPresent() && rows.requiresGrad()) {
      rows = Tensor.pointwise("padding", FREEZE_PADDING, Launch.of(paddingIndex.getAsInt()), rows, rows.detach(),
          flat.reshape(count, 1));
    }
    return rows.reshape(indices.shape().insert(-1, features).dims());
  }
}
