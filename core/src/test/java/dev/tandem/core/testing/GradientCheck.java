package dev.tandem.core.testing;

import dev.tandem.core.autograd.Gradients;
import dev.tandem.core.autograd.Tape;
import dev.tandem.core.nn.Block;
import dev.tandem.core.nn.Module;
import dev.tandem.core.nn.Parameter;
import dev.tandem.core.pointwise.Expr;
import dev.tandem.core.pointwise.Launch;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.tensor.RandomState;
import dev.tandem.core.tensor.Scope;
import dev.tandem.core.tensor.StepArena;
import dev.tandem.core.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Function;
import java.util.function.UnaryOperator;

/**
 * Compares gradients with finite differences on the oracle. All inputs and parameters move at once, in a random
 * direction: two forward passes and one backward, whatever the size. The function runs as in training, with the same
 * random numbers each time.
 */
public final class GradientCheck {
  private static final Program STEP = Program.of(2, Expr.input(0).add(Expr.input(1).mul(Expr.argument(0))));
  /** A power of two, so that the quotient divides by exactly the step that was made. */
  private static final double H = 0x1p-13;
  /** Central differences are wrong by about h^2 = 1.5e-8 times the third derivative, double precision by 1e-12. */
  private static final double TOLERANCE = 1e-5;
  /** Gradients below this are compared absolutely. */
  private static final double NEGLIGIBLE = 1e-3;
  private static final long SEED = 20;

  private final Device device;
  private final StepArena arena;
  private final RandomState random;
  private final SplittableRandom numbers = new SplittableRandom(SEED);

  private GradientCheck(Device device) {
    this.device = device;
    arena = new StepArena(device, "gradient check");
    random = new RandomState(device, SEED);
  }

  /**
   * Checks the gradients of {@code f} by its inputs. These are normally distributed, but no closer than 0.02 to a whole
   * number, where functions like to have their kinks.
   *
   * @param f any shape of result; it makes further tensors on the device of its inputs
   * @throws AssertionError if analytic and numeric derivative disagree
   */
  public static void check(Function<List<Tensor>, Tensor> f, int[]... inputShapes) {
    new GradientCheck(new Device(new ReferenceBackend())).run(List.of(), f, inputShapes);
  }

  /** Checks the gradients of a fresh module by its input and all its parameters. */
  public static void check(Module module, int... inputShape) {
    check(module, in -> module.apply(in.getFirst()), inputShape);
  }

  /**
   * Checks the gradients of {@code f}, which uses {@code block}, by its inputs and by all parameters of the fresh
   * block.
   */
  public static void check(Block block, Function<List<Tensor>, Tensor> f, int[]... inputShapes) {
    Device device = new Device(new ReferenceBackend());
    block.on(device, SEED);
    List<Tensor> parameters = block.parameters().values().stream().map(Parameter::tensor).toList();
    new GradientCheck(device).run(parameters, f, inputShapes);
  }

  /** The gradient of the sum of {@code f} at {@code x}, computed on the oracle. */
  public static float[] gradient(UnaryOperator<Tensor> f, float[] x, int... dims) {
    GradientCheck check = new GradientCheck(new Device(new ReferenceBackend()));
    Tensor leaf = Tensor.of(check.device, x, dims).requireGrad();
    try (Scope _ = check.step()) {
      Tensor g = Gradients.of(f.apply(leaf).sum()).get(leaf);
      if (g == null) {
        throw new AssertionError("no gradient flows to the input");
      }
      return g.toArray();
    }
  }

  private void run(List<Tensor> parameters, Function<List<Tensor>, Tensor> f, int[]... inputShapes) {
    List<Tensor> inputs = new ArrayList<>();
    for (int[] dims : inputShapes) {
      inputs.add(normal(dims).requireGrad());
    }
    List<Tensor> leaves = new ArrayList<>(inputs);
    leaves.addAll(parameters);
    List<Tensor> directions = leaves.stream().map(t -> normal(t.shape().dims())).toList();
    List<Tensor> start = leaves.stream().map(t -> Tensor.pointwise("start", Program.IDENTITY, t)).toList();

    Tensor weights;
    double analytic;
    try (Scope _ = step()) {
      Tensor y = f.apply(inputs);
      weights = normal(y.shape().dims());
      Gradients gradients = Gradients.of(weighted(y, weights));
      Tensor sum = Tensor.zeros(device);
      for (int i = 0; i < leaves.size(); i++) {
        Tensor g = gradients.get(leaves.get(i));
        if (g != null) {
          sum = sum.add(g.mul(directions.get(i)).sum());
        }
      }
      analytic = sum.itemAsDouble();
    }
    Tensor difference = Tensor.zeros(device);
    for (int sign : new int[] {1, -1}) {
      for (int i = 0; i < leaves.size(); i++) {
        leaves.get(i).assign(Tensor.pointwise("step", STEP, Launch.of(sign * H), start.get(i), directions.get(i)));
      }
      try (Scope _ = step()) {
        difference = difference.add(weighted(f.apply(inputs), weights).mul(sign)).keep();
      }
    }
    for (int i = 0; i < leaves.size(); i++) {
      leaves.get(i).assign(start.get(i));
    }
    double numeric = difference.mul(1 / (2 * H)).itemAsDouble();
    double error = Math.abs(analytic - numeric) / Math.max(NEGLIGIBLE, Math.abs(numeric));
    if (!(error <= TOLERANCE)) {
      throw new AssertionError(
          "derivative in a random direction: backward gives " + analytic + ", finite differences " + numeric
              + ", relative error " + error + " (seed " + SEED + ")");
    }
  }

  private Scope step() {
    random.beginStep(1);
    return Scope.training(device, arena, new Tape(), random, null);
  }

  /** A number that no symmetry of the result can hide an error from. */
  private static Tensor weighted(Tensor y, Tensor weights) {
    return y.mul(weights).sum();
  }

  private Tensor normal(int... dims) {
    float[] values = new float[Math.toIntExact(Shape.of(dims).size())];
    for (int i = 0; i < values.length; i++) {
      do {
        values[i] = (float) numbers.nextGaussian();
      } while (Math.abs(values[i] - Math.rint(values[i])) < 0.02);
    }
    return Tensor.persistent(device, HostArray.of(values, dims), "gradient check");
  }
}
