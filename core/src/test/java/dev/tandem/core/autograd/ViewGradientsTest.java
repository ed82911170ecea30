package dev.tandem.core.autograd;

import dev.tandem.core.tensor.Tensor;
import dev.tandem.core.testing.GradientCheck;
import java.util.List;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Views and joined tensors against finite differences. */
class ViewGradientsTest {
  record Case(String name, Function<List<Tensor>, Tensor> f, int[]... shapes) {
    @Override
    public String toString() {
      return name;
    }
  }

  @ParameterizedTest
  @MethodSource({"views", "joined"})
  void agreesWithFiniteDifferences(Case c) {
    GradientCheck.check(c.f, c.shapes);
  }

  /** Squared, so that gradients differ from element to element and what is read backwards is a view too. */
  @ParameterizedTest
  @MethodSource({"views", "joined"})
  void agreesBeforeAndAfterOtherOperations(Case c) {
    GradientCheck.check(in -> c.f.apply(in.stream().map(t -> t.square().add(t)).toList()).square(), c.shapes);
  }

  private static int[] dims(int... dims) {
    return dims;
  }

  private static Case view(String name, UnaryOperator<Tensor> f) {
    return new Case(name, in -> f.apply(in.get(0)), dims(2, 3, 4));
  }

  static List<Case> views() {
    return List.of(view("reshape", x -> x.reshape(4, 6)), view("flatten", x -> x.flatten(1)),
        view("reshape of a strided view", x -> x.transpose(0, 2).reshape(2, 12)),
        view("reshape of a slice", x -> x.slice(2, 1, 3).reshape(3, 4)), view("permute", x -> x.permute(2, 0, 1)),
        view("two permutations", x -> x.permute(2, 0, 1).permute(2, 0, 1)), view("transpose", x -> x.transpose(-1, 0)),
        view("expand", x -> x.unsqueeze(1).expand(5, 2, 3, 3, 4)),
        view("expand of ones", x -> x.sumKeepDims(0, 2).expand(2, 3, 4)),
        view("squeeze", x -> x.slice(1, 2, 3).squeeze(1)), view("unsqueeze", x -> x.unsqueeze(3)),
        view("slice", x -> x.slice(1, 1, 3)),
        view("slice with a step", x -> x.slice(2, 1, 4, 2)),
        view("slice of a slice", x -> x.slice(2, 0, 4, 3).slice(1, -2, 3)),
        view("overlapping slices", x -> x.slice(1, 0, 2).mul(x.slice(1, 1, 3)).add(x.slice(1, 0, 3, 2))),
        view("overlapping steps", x -> x.slice(2, 0, 3, 2).add(x.slice(2, 0, 2).exp()).mul(x.slice(2, 2, 4))),
        view("slices beside other uses",
            x -> x.slice(0, 0, 1).mul(x).add(x.transpose(0, 1).slice(1, 1, 2).transpose(0, 1))),
        view("empty slice", x -> x.slice(1, 1, 1).sum(0, 1).add(x.sum(0, 1))), view("select", x -> x.select(1, -1)),
        view("split", x -> x.split(2, 2).get(1).mul(x.split(3, 2).get(0).slice(2, 1, 3))),
        view("a sequence of steps", ViewGradientsTest::recurrent),
        view("contiguous", x -> x.permute(1, 2, 0).contiguous()));
  }

  /** Each step reads a slice, and the state of the step before. */
  private static Tensor recurrent(Tensor x) {
    Tensor state = x.select(2, 0);
    for (int t = 1; t < 4; t++) {
      state = state.mul(x.select(2, t)).tanh().add(x.select(2, t - 1));
    }
    return state;
  }

  static List<Case> joined() {
    int[][] two = {{2, 3}, {2, 2}};
    int[][] equal = {{2, 3}, {2, 3}};
    return List.of(new Case("concat", in -> Tensor.concat(1, in.get(0), in.get(1)), two),
        new Case("concat of views", in -> Tensor.concat(0, in.get(0).transpose(0, 1), in.get(1).transpose(0, 1)), two),
        new Case("concat of one tensor twice", in -> Tensor.concat(-1, in.get(0), in.get(1), in.get(0)), two),
        new Case("concat with a constant",
            in -> Tensor.concat(1, in.get(0), Tensor.ones(in.get(0).device(), 2, 1), in.get(1)), two),
        new Case("concat, sliced again", in -> Tensor.concat(1, in.get(0), in.get(1)).slice(1, 1, 4), two),
        new Case("stack", in -> Tensor.stack(1, in.get(0), in.get(1)), equal),
        new Case("stack of one tensor twice", in -> Tensor.stack(-1, in.get(0), in.get(0).mul(in.get(1))), equal),
        new Case("pad", in -> in.get(0).pad(0, 1, 2, 3).pad(1, 0, 1, -1), dims(2, 3)));
  }
}
