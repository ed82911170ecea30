package dev.tandem.core.nn;

import dev.tandem.core.shape.HostArray;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.tensor.Tensor;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Numbers that an operation reads on whatever device it runs. Each device gets them once: a copy from the host in every step would
 * keep steps from being replayed. Lives as long as the loss that holds it, and so do the copies.
 */
final class DeviceConstant {
  private final float[] values;
  private final Map<Device, Tensor> copies = new ConcurrentHashMap<>();

  DeviceConstant(List<Float> values) {
    this.values = new float[values.size()];
    for (int i = 0; i < this.values.length; i++) {
      this.values[i] = values.get(i);
    }
  }

  int size() {
    return values.length;
  }

  /** F32 [size], persistent. */
  Tensor on(Device device) {
    return copies.computeIfAbsent(device,
        d -> Tensor.persistent(d, HostArray.of(values, values.length), "weights of losses"));
  }
}
