package dev.tandem.core.tensor;

import dev.tandem.core.backend.Backend;
import dev.tandem.core.backend.BackendProvider;
import dev.tandem.core.backend.OutOfDeviceMemoryException;
import dev.tandem.core.backend.Storage;
import dev.tandem.core.op.Op;
import dev.tandem.core.op.Precision;
import dev.tandem.core.pointwise.BoundedCache;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.Spec;
import java.lang.ref.Cleaner;
import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** A backend and the memory on it. One thread at a time works on a device: a step holds it from beginning to end. */
public final class Device {
  private static final Cleaner CLEANER = Cleaner.create();
  /** Unreachable memory is looked for when this much was allocated since the last look, or as much as is in use. */
  private static final long COLLECT_AFTER = 64L << 20;

  private record Holding(String what, long bytes) {
  }

  private final Backend backend;
  private final ReentrantLock owner = new ReentrantLock(true);
  private final ConcurrentLinkedQueue<Runnable> unreachable = new ConcurrentLinkedQueue<>();
  private final Map<Long, Holding> holdings = new ConcurrentHashMap<>();
  private final BoundedCache<Integer, Tensor> aranges = new BoundedCache<>(256);
  private final List<WeakReference<StepArena>> arenas = new ArrayList<>();
  private final AtomicLong held = new AtomicLong();
  private final StepArena inference;
  private volatile @Nullable Tensor zero;
  private long allocations;
  private long sinceCollection;

  public Device(Backend backend) {
    this.backend = backend;
    inference = new StepArena(this, "inference");
  }

  /** The first device of the most preferred kind that has one: a GPU if there is one, else the CPU. */
  public static Device best() {
    return Devices.best();
  }

  /** Every device of every kind, the most preferred first. */
  public static List<Device> all() {
    return Devices.all();
  }

  /** A device by name: {@code best}, {@code cpu}, {@code cuda}, {@code cuda:1}.
   *
   * @throws IllegalArgumentException if there is none of that name, with the reason and what there is
   */
  public static Device of(String name) {
    return Devices.of(name);
  }

  /** Why kinds of devices that were looked for cannot be used: by kind, empty when all can. */
  public static Map<String, String> refusals() {
    return Devices.refusals();
  }

  /** Short: {@code cpu}, {@code cuda:0}. */
  public String name() {
    return backend.name();
  }

  /** One line for people. */
  public String describe() {
    return backend.describe();
  }

  /** @throws IllegalArgumentException if products cannot be computed so here */
  public void require(Precision precision) {
    if (!backend.supports(precision)) {
      String offered = Arrays.stream(Precision.values()).filter(backend::supports).map(Precision::toString)
          .collect(Collectors.joining(" and "));
      throw new IllegalArgumentException(
          this + " computes in " + offered + ", not in " + precision + "; choose that, or another device");
    }
  }

  public Backend backend() {
    return backend;
  }

  /** Bytes of memory held on this device, whether in use or cached. */
  public long bytesHeld() {
    return held.get();
  }

  ReentrantLock owner() {
    return owner;
  }

  /** Runs {@code work} while no other thread works on this device. */
  public void exclusively(Runnable work) {
    owner.lock();
    try {
      work.run();
    } finally {
      owner.unlock();
    }
  }

  StepArena inferenceArena() {
    return inference;
  }

  void register(StepArena arena) {
    synchronized (arenas) {
      arenas.removeIf(a -> a.get() == null);
      arenas.add(new WeakReference<>(arena));
    }
  }

  /** Memory that lives as long as a tensor or a prepared replay can reach it.
   *
   * @param what for the list of holders when memory runs out: a module path
   */
  Lease persistent(DType dtype, long elements, String what) {
    return Lease.persistent(this, allocate(dtype, elements, what));
  }

  /** The cleaner's thread frees nothing itself, it only queues; the next allocation frees. */
  Storage allocate(DType dtype, long elements, String what) {
    if (!backend.supports(dtype)) {
      throw new IllegalArgumentException(this + " has no " + dtype + (dtype == DType.F64 ? "; use F32" : ""));
    }
    owner.lock();
    try {
      freeUnreachable();
      long bytes = elements * dtype.bytes();
      sinceCollection += bytes;
      if (sinceCollection > Math.max(COLLECT_AFTER, held.get() / 2)) {
        sinceCollection = 0;
        System.gc();
      }
      Storage storage = allocateOrMakeRoom(dtype, elements, what);
      long id = allocations++;
      holdings.put(id, new Holding(what, bytes));
      held.addAndGet(bytes);
      Runnable release = storage.release();
      CLEANER.register(storage, new Unreachable(this, id, bytes, release));
      return storage;
    } finally {
      owner.unlock();
    }
  }

  /** What the cleaner does; must not hold the storage. */
  private record Unreachable(Device device, long id, long bytes, Runnable release) implements Runnable {
    @Override
    public void run() {
      device.unreachable.add(() -> {
        device.holdings.remove(id);
        device.held.addAndGet(-bytes);
        release.run();
      });
    }
  }

  private void freeUnreachable() {
    for (Runnable r = unreachable.poll(); r != null; r = unreachable.poll()) {
      r.run();
    }
  }

  /** Lets the backend work on {@code op}. If it has no room for what it keeps itself, it has not begun and may try once more. */
  <T> T withRoom(Op op, Supplier<T> work) {
    try {
      return work.get();
    } catch (OutOfDeviceMemoryException e) {
      return afterMakingRoom(work, op::name);
    }
  }

  private Storage allocateOrMakeRoom(DType dtype, long elements, String what) {
    try {
      return backend.allocate(dtype, elements);
    } catch (OutOfDeviceMemoryException e) {
      return afterMakingRoom(() -> backend.allocate(dtype, elements),
          () -> size(elements * dtype.bytes()) + " of " + what);
    }
  }

  /** @param wanted what there was no room for */
  private <T> T afterMakingRoom(Supplier<T> again, Supplier<String> wanted) {
    makeRoom();
    try {
      return again.get();
    } catch (OutOfDeviceMemoryException e) {
      throw new OutOfDeviceMemoryException(
          this + " has no room for " + wanted.get() + ": " + e.getMessage() + ". It holds " + size(held.get()) + ": "
              + largestHolders() + ". Use a smaller batch or model, or let go of tensors kept with keep()");
    }
  }

  /** Cached blocks are let go, leaked tensors collected, and what that freed given back. */
  private void makeRoom() {
    synchronized (arenas) {
      for (WeakReference<StepArena> a : arenas) {
        StepArena arena = a.get();
        if (arena != null) {
          arena.trim();
        }
      }
    }
    backend.synchronize();
    for (int i = 0; i < 3; i++) {
      System.gc();
      try {
        Thread.sleep(20);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
      freeUnreachable();
    }
  }

  private String largestHolders() {
    Map<String, Long> byHolder = new ConcurrentHashMap<>();
    holdings.values().forEach(h -> byHolder.merge(h.what(), h.bytes(), Long::sum));
    List<String> largest =
        byHolder.entrySet().stream().sorted(Map.Entry.<String, Long>comparingByValue().reversed()).limit(5)
            .map(e -> e.getKey() + " " + size(e.getValue())).toList();
    return String.join(", ", largest);
  }

  private static String size(long bytes) {
    return bytes < 1 << 20
        ? String.format(Locale.ROOT, "%.1f KiB", bytes / 1024.0)
        : String.format(Locale.ROOT, "%.1f MiB", bytes / (double) (1 << 20));
  }

  /** {@code 0, 1, .. n-1} as I32 [n]; one constant per size. */
  Tensor arange(int n) {
    // The device's lock before the cache's: whoever works on the device holds the first already.
    owner.lock();
    try {
      return aranges.get(n, size -> {
        int[] v = new int[size];
        for (int i = 0; i < size; i++) {
          v[i] = i;
        }
        Tensor made = Tensor.persistent(this, HostArray.of(v, size), "constants");
        made.lease().makeConstant();
        return made;
      });
    } finally {
      owner.unlock();
    }
  }

  /** 0 as F32 []; expanded, it gives a program without operands its shape. */
  Tensor zero() {
    Tensor known = zero;
    if (known == null) {
      known = Tensor.persistentZeros(this, new Spec(Shape.of(), DType.F32), "constants");
      known.lease().makeConstant();
      zero = known;
    }
    return known;
  }

  /** Opened devices are kept, so that every {@code of("cpu")} is the same device. */
  private static final class Devices {
    private static final Map<String, Device> OPEN = new ConcurrentHashMap<>();

    private Devices() {
    }

    private static List<BackendProvider> providers() {
      List<BackendProvider> found = new ArrayList<>();
      for (BackendProvider p : ServiceLoader.load(BackendProvider.class)) {
        found.add(p);
      }
      found.sort((a, b) -> Integer.compare(b.preference(), a.preference()));
      return found;
    }

    private static Device open(BackendProvider p, int ordinal) {
      return OPEN.computeIfAbsent(p.name() + ":" + ordinal, k -> new Device(p.open(ordinal)));
    }

    static Device best() {
      for (BackendProvider p : providers()) {
        if (p.devices() > 0) {
          return open(p, 0);
        }
      }
      throw new IllegalStateException("there is no backend on the class path; add tandem-cpu-backend");
    }

    static List<Device> all() {
      List<Device> all = new ArrayList<>();
      for (BackendProvider p : providers()) {
        for (int i = 0; i < p.devices(); i++) {
          all.add(open(p, i));
        }
      }
      return all;
    }

    static Device of(String name) {
      if (name.equals("best")) {
        return best();
      }
      int colon = name.indexOf(':');
      String kind = colon < 0 ? name : name.substring(0, colon);
      int ordinal = colon < 0 ? 0 : ordinal(name, name.substring(colon + 1));
      List<String> kinds = new ArrayList<>();
      for (BackendProvider p : providers()) {
        kinds.add(p.name());
        if (p.name().equals(kind)) {
          int devices = p.devices();
          if (devices == 0) {
            throw new IllegalArgumentException("no " + kind + " device can be used: " + p.refusal());
          }
          if (ordinal >= devices) {
            throw new IllegalArgumentException(
                "there is no device " + name + ": " + kind + " has " + devices + ", counted from 0");
          }
          return open(p, ordinal);
        }
      }
      throw new IllegalArgumentException(
          "unknown device \"" + name + "\"; there are best, " + String.join(", ", kinds) + (kinds.contains("cuda")
              ? ""
              : kind.equals("cuda") ? " (for cuda add tandem-cuda-backend to the class path)" : ""));
    }

    private static int ordinal(String name, String digits) {
      try {
        return Integer.parseUnsignedInt(digits);
      } catch (NumberFormatException e) {
        throw new IllegalArgumentException("device \"" + name + "\": what follows the colon must be a number", e);
      }
    }

    static Map<String, String> refusals() {
      Map<String, String> refused = new java.util.LinkedHashMap<>();
      for (BackendProvider p : providers()) {
        if (p.devices() == 0) {
          refused.put(p.name(), p.refusal());
        }
      }
      return refused;
    }
  }

  @Override
  public String toString() {
    return backend.name();
  }
}
