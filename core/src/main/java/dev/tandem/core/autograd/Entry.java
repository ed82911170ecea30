package dev.tandem.core.autograd;

import dev.tandem.core.op.Op;
import dev.tandem.core.tensor.Tensor;
import dev.tandem.core.tensor.View;
import java.util.List;

/** What the tape remembers: operations with the tensors their gradient reads, views, and concatenations. */
sealed interface Entry {
  List<Tensor> out();

  record Executed(Op op, List<Tensor> in, List<Tensor> out, List<Saved> saved, String path) implements Entry {
  }

  record Viewed(View view, Tensor in, Tensor result) implements Entry {
    @Override
    public List<Tensor> out() {
      return List.of(result);
    }
  }

  record Concatenated(int axis, List<Tensor> in, Tensor result) implements Entry {
    @Override
    public List<Tensor> out() {
      return List.of(result);
    }
  }

  /** A tensor pinned until backward, and the version of its contents then. */
  record Saved(Tensor tensor, int version) {
    static Saved pin(Tensor t) {
      t.lease().pin();
      return new Saved(t, t.lease().version());
    }

    /** @param reader whose gradient reads it, for the message */
    void check(Executed reader) {
      if (tensor.lease().version() != version) {
        throw new IllegalStateException(tensor + ", which the gradient of "
            + (reader.path.isEmpty() ? "" : reader.path + ": ") + reader.op.name()
            + " reads, was overwritten between forward and backward; update parameters after Gradients.of, or save a copy");
      }
    }

    void unpin() {
      tensor.lease().unpin();
    }
  }
}
