package dev.tandem.benchmarks.work;

import dev.tandem.benchmarks.work.Work.Elementwise;
import java.util.List;
import java.util.Map;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * A yardstick: one loop over the Vector API for each function, written and fused by hand, on heap arrays, by one thread.
 * Sizes are multiples of every vector length.
 */
public final class VectorLoops implements Side {
  private static final VectorSpecies<Float> S = FloatVector.SPECIES_PREFERRED;

  @Override
  public String name() {
    return "vector-loop";
  }

  @Override
  public Map<String, String> versions() {
    return Map.of("lanes", Integer.toString(S.length()));
  }

  @Override
  public boolean supports(Work work, int threads) {
    return work instanceof Elementwise && threads == 1;
  }

  @Override
  public Map<String, String> environment(int threads, boolean isAvx2) {
    return Map.of();
  }

  @Override
  public void start(int threads) {
    // Nothing to prepare.
  }

  @Override
  public Task open(Work work) {
    if (!(work instanceof Elementwise w)) {
      throw new IllegalArgumentException(name() + " has no " + work.name());
    }
    float[][] in = w.inputs();
    float[] out = new float[w.size()];
    return switch (w.function()) {
      case GELU -> task(() -> gelu(in[0], out), out);
      case TANH -> task(() -> tanh(in[0], out), out);
      case EXP -> task(() -> exp(in[0], out), out);
      case ADAM -> task(() -> adam(in[0], in[1], in[2], in[3]), in[0], in[2], in[3]);
      case COPY -> task(() -> System.arraycopy(in[0], 0, out, 0, out.length), out);
    };
  }

  private static Task task(Runnable loop, float[]... out) {
    return new Task() {
      @Override
      public void run() {
        loop.run();
      }

      @Override
      public List<float[]> results() {
        loop.run();
        return List.of(out);
      }
    };
  }

  /** {@code x sigmoid(2 sqrt(2 / pi) (x + 0.044715 x^3))}, which is the approximation by tanh with one exponential. */
  private static void gelu(float[] in, float[] out) {
    for (int i = 0; i < in.length; i += S.length()) {
      FloatVector x = FloatVector.fromArray(S, in, i);
      FloatVector u = x.mul(x).mul(x).mul(0.044715f).add(x).mul((float) (-2 * Math.sqrt(2 / Math.PI)));
      x.div(u.lanewise(VectorOperators.EXP).add(1)).intoArray(out, i);
    }
  }

  private static void tanh(float[] in, float[] out) {
    for (int i = 0; i < in.length; i += S.length()) {
      FloatVector.fromArray(S, in, i).lanewise(VectorOperators.TANH).intoArray(out, i);
    }
  }

  private static void exp(float[] in, float[] out) {
    for (int i = 0; i < in.length; i += S.length()) {
      FloatVector.fromArray(S, in, i).lanewise(VectorOperators.EXP).intoArray(out, i);
    }
  }

  private static void adam(float[] parameter, float[] gradient, float[] mean, float[] square) {
    for (int i = 0; i < parameter.length; i += S.length()) {
      FloatVector g = FloatVector.fromArray(S, gradient, i);
      FloatVector m = FloatVector.fromArray(S, mean, i).mul(0.9f).add(g.mul(0.1f));
      FloatVector v = FloatVector.fromArray(S, square, i).mul(0.999f).add(g.mul(g).mul((float) (1 - 0.999)));
      FloatVector step = m.mul(10).mul(1e-3f).div(v.mul((float) (1 / (1 - 0.999))).sqrt().add(1e-8f));
      FloatVector.fromArray(S, parameter, i).sub(step).intoArray(parameter, i);
      m.intoArray(mean, i);
      v.intoArray(square, i);
    }
  }
}
