package dev.tandem.peers;

import dev.tandem.benchmarks.work.Task;
import dev.tandem.benchmarks.work.Work.Elementwise;
import dev.tandem.benchmarks.work.Work.MatMul;
import dev.tandem.benchmarks.work.Work.Probability;
import dev.tandem.benchmarks.work.Work.Reduction;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/** Single functions of libtorch, into memory that is there already. */
final class TorchOperations {
  private TorchOperations() {
  }

  static Task matmul(MatMul w) {
    Tensor a = operand(w.a(), w.m(), w.k(), w.transposedA());
    Tensor b = operand(w.b(), w.k(), w.n(), w.transposedB());
    Tensor c = TorchTensors.of(new float[w.m() * w.n()], w.m(), w.n());
    return into(() -> torch.mm_out(c, a, b), c);
  }

  private static Tensor operand(float[] values, int rows, int columns, boolean isTransposed) {
    return isTransposed ? TorchTensors.of(values, columns, rows).t() : TorchTensors.of(values, rows, columns);
  }

  static Task elementwise(Elementwise w) {
    Tensor[] in = Arrays.stream(w.inputs()).map(values -> TorchTensors.of(values, w.size())).toArray(Tensor[]::new);
    Tensor out = TorchTensors.of(new float[w.size()], w.size());
    return switch (w.function()) {
      case GELU -> into(() -> torch.gelu_out(out, in[0], "tanh"), out);
      case TANH -> into(() -> torch.tanh_out(out, in[0]), out);
      case EXP -> into(() -> torch.exp_out(out, in[0]), out);
      case COPY -> into(() -> out.copy_(in[0]), out);
      case ADAM -> {
        FusedUpdate adam = FusedUpdate.adam(List.of(in[0]), List.of(in[2]), List.of(in[3]), 1e-3, false);
        yield into(() -> adam.update(List.of(in[1])), in[0], in[2], in[3]);
      }
    };
  }

  static Task reduction(Reduction w) {
    Tensor x = TorchTensors.of(w.input(), w.rows(), w.columns());
    return switch (w.over()) {
      case ROWS -> sum(x, w.rows(), 1);
      case COLUMNS -> sum(x, w.columns(), 0);
      case ALL -> sum(x, 1, 0, 1);
    };
  }

  private static Task sum(Tensor x, int sums, long... axes) {
    Tensor out = TorchTensors.of(new float[sums], sums);
    Tensor shaped = axes.length == 2 ? out.reshape() : out;
    return into(() -> torch.sum_out(shaped, x, axes, false, new ScalarTypeOptional()), out);
  }

  static Task probability(Probability w) {
    Tensor x = TorchTensors.of(w.logits(), w.rows(), w.columns());
    Tensor labels = TorchTensors.of(w.labels(), w.rows());
    Tensor out = TorchTensors.of(new float[w.rows() * w.columns()], w.rows(), w.columns());
    return switch (w.kind()) {
      case SOFTMAX -> into(() -> torch.softmax_out(out, x, 1), out);
      case LOG_SOFTMAX -> into(() -> torch.log_softmax_out(out, x, 1), out);
      case CROSS_ENTROPY -> crossEntropy(x.requires_grad_(true), labels);
    };
  }

  private static Task crossEntropy(Tensor leaf, Tensor labels) {
    return TorchTensors.task(() -> {
      Tensor loss = torch.cross_entropy_loss(leaf, labels);
      return List.of(loss, torch.grad(new TensorVector(loss), new TensorVector(leaf)).get(0));
    });
  }

  private static Task into(Runnable body, Tensor... out) {
    return new Task() {
      @Override
      public void run() {
        try (var _ = new PointerScope(); var _ = new NoGradGuard()) {
          body.run();
        }
      }

      @Override
      public List<float[]> results() {
        run();
        List<float[]> results = new ArrayList<>();
        for (Tensor t : out) {
          results.add(TorchTensors.toFloats(t));
        }
        return results;
      }
    };
  }
}
