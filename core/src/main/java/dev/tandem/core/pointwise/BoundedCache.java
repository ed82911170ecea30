package dev.tandem.core.pointwise;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Function;

/**
 * A least-recently-used cache of things made from programs: derivatives, compiled kernels. Bounded, since a user's program may
 * carry a literal that changes in every step.
 */
public final class BoundedCache<K, V> {
  private final LinkedHashMap<K, V> entries;

  public BoundedCache(int capacity) {
    entries = new LinkedHashMap<>(16, 0.75f, true) {
      private static final long serialVersionUID = 1;

      @Override
      protected boolean removeEldestEntry(Map.Entry<K, V> eldest) {
        return size() > capacity;
      }
    };
  }

  /** What is cached for {@code key}, made by {@code maker} if nothing is. */
  public synchronized V get(K key, Function<? super K, ? extends V> maker) {
    V known = entries.get(key);
    if (known == null) {
      known = maker.apply(key);
      entries.put(key, known);
    }
    return known;
  }

  public synchronized int size() {
    return entries.size();
  }
}
