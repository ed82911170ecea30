package dev.tandem.peers;

import dev.tandem.benchmarks.work.Task;
import java.util.Arrays;
import java.util.List;
import java.util.function.Supplier;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** Between arrays and tensors of libtorch. */
final class TorchTensors {
  private TorchTensors() {
  }

  static Tensor of(float[] values, int... dims) {
    return Tensor.create(values, longs(dims));
  }

  /** An array of four axes lies in memory with channels last, if it shall. */
  static Tensor of(boolean isChannelsLast, float[] values, int... dims) {
    Tensor tensor = of(values, dims);
    return isChannelsLast && dims.length == 4 ? tensor.contiguous(torch.MemoryFormat.ChannelsLast) : tensor;
  }

  /** Labels and indices are 64 bits wide in libtorch. */
  static Tensor of(int[] values, int... dims) {
    return Tensor.create(Arrays.stream(values).asLongStream().toArray(), longs(dims));
  }

  static long[] longs(int... dims) {
    return Arrays.stream(dims).asLongStream().toArray();
  }

  /** Row-major, whatever the order in memory. */
  static float[] toFloats(Tensor tensor) {
    Tensor rowMajor = tensor.detach().contiguous();
    float[] values = new float[Math.toIntExact(rowMajor.numel())];
    new FloatPointer(rowMajor.data_ptr_float()).get(values);
    return values;
  }

  /** Work that makes new tensors, which are freed each time. */
  static Task task(Supplier<List<Tensor>> body) {
    return new Task() {
      @Override
      public void run() {
        try (var _ = new PointerScope()) {
          var _ = body.get();
        }
      }

      @Override
      public List<float[]> results() {
        try (var _ = new PointerScope()) {
          return body.get().stream().map(TorchTensors::toFloats).toList();
        }
      }
    };
  }
}
