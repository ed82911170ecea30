package dev.tandem.core.nn;

import dev.tandem.core.pointwise.Launch;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.tensor.Tensor;

/** A layer that applies one program of one input to every element. */
public abstract class ElementwiseLayer extends Module {
  private final String name;
  private final Program program;
  private final Launch launch;

  protected ElementwiseLayer(String name, Program program) {
    this(name, program, Launch.NONE);
  }

  /** @param name for errors and profiles */
  protected ElementwiseLayer(String name, Program program, Launch launch) {
    this.name = name;
    this.program = program;
    this.launch = launch;
  }

  @Override
  protected final Tensor forward(Tensor x) {
    return Tensor.pointwise(name, program, launch, x);
  }
}
