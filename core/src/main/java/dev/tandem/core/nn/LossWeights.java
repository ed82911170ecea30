package dev.tandem.core.nn;

import dev.tandem.core.shape.HostArray;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.tensor.Tensor;
import java.lang.ref.SoftReference;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.WeakHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Weights of classes or elements, on whatever device a loss runs. A device gets equal weights once, even from losses
 * that are made anew in every step: a copy from the host in each would keep steps from being replayed.
 */
final class LossWeights {
  private static final int KEPT_PER_DEVICE = 64;
  /** Softly, since a tensor holds its device, and devices that are let go of shall go. */
  private static final Map<Device, Copies> COPIES = new WeakHashMap<>();

  private static final class Copies extends LinkedHashMap<List<Float>, SoftReference<Tensor>> {
    private static final long serialVersionUID = 1;

    Copies() {
      super(16, 0.75f, true);
    }

    @Override
    protected boolean removeEldestEntry(Map.Entry<List<Float>, SoftReference<Tensor>> eldest) {
      return size() > KEPT_PER_DEVICE;
    }
  }

  private LossWeights() {
  }

  /** F32 [n], persistent. */
  static Tensor on(Device device, List<Float> values) {
    Tensor known = known(device, values);
    if (known != null) {
      return known;
    }
    float[] array = new float[values.size()];
    for (int i = 0; i < array.length; i++) {
      array[i] = values.get(i);
    }
    // Not under the lock: this waits for the device, whose holder may be waiting for the lock.
    Tensor made = Tensor.persistent(device, HostArray.of(array, array.length), "weights of losses");
    return keep(device, values, made);
  }

  private static @Nullable Tensor known(Device device, List<Float> values) {
    synchronized (COPIES) {
      Copies copies = COPIES.get(device);
      SoftReference<Tensor> copy = copies == null ? null : copies.get(values);
      return copy == null ? null : copy.get();
    }
  }

  /** The copy that another thread made meanwhile, if any. */
  private static Tensor keep(Device device, List<Float> values, Tensor made) {
    synchronized (COPIES) {
      Tensor first = known(device, values);
      if (first == null) {
        COPIES.computeIfAbsent(device, d -> new Copies()).put(values, new SoftReference<>(made));
      }
      return first == null ? made : first;
    }
  }
}
