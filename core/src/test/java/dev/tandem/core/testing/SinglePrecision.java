package dev.tandem.core.testing;

import dev.tandem.core.pointwise.Derivative;
import dev.tandem.core.pointwise.Launch;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.DType.Kind;
import java.util.List;

/**
 * Programs with every FLOAT register rounded to fp32, as a device without double precision computes them: overflow and
 * cancellation show, which the oracle hides.
 */
public final class SinglePrecision {
  private SinglePrecision() {
  }

  /** The first output of {@code program} at one element. */
  public static float evaluate(Program program, Launch launch, float... inputs) {
    double[] registers = new double[program.code().size()];
    for (int n = 0; n < registers.length; n++) {
      Program.Instruction i = program.code().get(n);
      double v = switch (i.op()) {
        case INPUT -> inputs[i.index()];
        case CONST -> i.value();
        case ARGUMENT -> launch.floatArgument(i.index());
        case RANDOM -> throw new IllegalArgumentException("a program that draws has no value of its inputs alone");
        default -> ReferencePointwise.apply(i.op(), i.kind(), registers[i.a()], i.b() < 0 ? 0 : registers[i.b()],
            i.c() < 0 ? 0 : registers[i.c()]);
      };
      registers[n] = i.kind() == Kind.FLOAT ? (float) v : v;
    }
    return (float) registers[program.outputs().getFirst()];
  }

  /** The derivative of a program of one input and one output. */
  public static float derivative(Program program, Launch launch, float x) {
    Derivative.Selection gradient = Derivative.of(program, true).select(List.of(0));
    float[] slots = {x, evaluate(program, launch, x), 1};
    float[] inputs = new float[gradient.slots().size()];
    for (int k = 0; k < inputs.length; k++) {
      inputs[k] = slots[gradient.slots().get(k)];
    }
    return evaluate(gradient.program(), launch, inputs);
  }
}
