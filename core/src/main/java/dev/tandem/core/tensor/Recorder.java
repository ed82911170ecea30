package dev.tandem.core.tensor;

import dev.tandem.core.op.Op;
import java.util.List;

/** Is told what happens to tensors that require gradients. Tensors call it, autograd implements it: the arrow still points down. */
public interface Recorder {
  /** {@code op} was executed; outputs beyond {@link Op#results} serve the gradient only. */
  void record(Op op, List<Tensor> in, List<Tensor> out);

  /** {@code out} shows the memory of {@code in} in another layout. */
  void record(View view, Tensor in, Tensor out);

  /** {@code out} holds copies of {@code parts} side by side along {@code axis}. */
  void recordConcat(int axis, List<Tensor> parts, Tensor out);
}
