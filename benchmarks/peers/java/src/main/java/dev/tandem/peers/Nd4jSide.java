package dev.tandem.peers;

import dev.tandem.benchmarks.work.Side;
import dev.tandem.benchmarks.work.Task;
import dev.tandem.benchmarks.work.Work;
import dev.tandem.benchmarks.work.Work.Elementwise;
import dev.tandem.benchmarks.work.Work.MatMul;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.impl.transforms.strict.Exp;
import org.nd4j.linalg.api.ops.impl.transforms.strict.Tanh;
import org.nd4j.linalg.factory.Nd4j;

/** ND4J on its native backend: products and single functions, into memory that is there already. */
public final class Nd4jSide implements Side {
  @Override
  public String name() {
    return "nd4j";
  }

  @Override
  public Map<String, String> versions() {
    // Its classes have no version, its jar's name has.
    return Map.of("nd4j", Path.of(Nd4j.class.getProtectionDomain().getCodeSource().getLocation().getPath()).getFileName()
        .toString(), "blas", Nd4j.factory().blas().getBlasVendor().toString());
  }

  @Override
  public boolean supports(Work work, int threads) {
    return work instanceof MatMul || work instanceof Elementwise w && switch (w.function()) {
      case TANH, EXP -> true;
      case GELU, ADAM, COPY -> false;
    };
  }

  @Override
  public Map<String, String> environment(int threads, boolean isAvx2) {
    return NativeEnvironment.of(threads, isAvx2);
  }

  @Override
  public void start(int threads) {
    Nd4j.getEnvironment().setMaxMasterThreads(threads);
  }

  @Override
  public Task open(Work work) {
    return switch (work) {
      case MatMul w -> {
        INDArray a = operand(w.a(), w.m(), w.k(), w.transposedA());
        INDArray b = operand(w.b(), w.k(), w.n(), w.transposedB());
        // Column-major, as its BLAS writes.
        INDArray c = Nd4j.create(new int[] {w.m(), w.n()}, 'f');
        yield task(() -> a.mmuli(b, c), c);
      }
      case Elementwise w when supports(w, 1) -> {
        INDArray in = Nd4j.createFromArray(w.inputs()[0]);
        INDArray out = Nd4j.createFromArray(new float[w.size()]);
        yield switch (w.function()) {
          case TANH -> task(() -> Nd4j.getExecutioner().exec(new Tanh(in, out)), out);
          case EXP -> task(() -> Nd4j.getExecutioner().exec(new Exp(in, out)), out);
          case GELU, ADAM, COPY -> throw none(work);
        };
      }
      default -> throw none(work);
    };
  }

  private IllegalArgumentException none(Work work) {
    return new IllegalArgumentException(name() + " has no " + work.name());
  }

  private static INDArray operand(float[] values, int rows, int columns, boolean isTransposed) {
    return isTransposed ? Nd4j.createFromArray(values).reshape('c', columns, rows).transpose()
        : Nd4j.createFromArray(values).reshape('c', rows, columns);
  }

  private static Task task(Runnable body, INDArray out) {
    return new Task() {
      @Override
      public void run() {
        body.run();
      }

      @Override
      public List<float[]> results() {
        body.run();
        return List.of(out.dup('c').data().asFloat());
      }
    };
  }
}
