package dev.tandem.core.tensor;

import dev.tandem.core.op.Precision;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.ShapeException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * One step's work of one thread on one device: its memory, its tape, its random numbers, its place in the model. Holds the device's
 * lock from open to close.
 */
public final class Scope implements AutoCloseable {
  private static final ThreadLocal<@Nullable Scope> CURRENT = new ThreadLocal<>();

  private final @Nullable Scope outer = CURRENT.get();
  private final Device device;
  private final StepArena arena;
  private final @Nullable RandomState random;
  private final @Nullable Trace trace;
  private final Precision precision;
  private final Autocast autocast = new Autocast(this);
  private final List<Lease> live = new ArrayList<>();
  private @Nullable Recorder recorder;
  private @Nullable Frame frame;
  private int recordingPaused;
  private int frameStart;

  private Scope(Device device, StepArena arena, @Nullable Recorder recorder, @Nullable RandomState random,
      @Nullable Trace trace, Precision precision) {
    device.require(precision);
    this.device = device;
    this.arena = arena;
    this.recorder = recorder;
    this.random = random;
    this.trace = trace;
    this.precision = precision;
    device.owner().lock();
    CURRENT.set(this);
  }

  /** A training step in fp32, otherwise as the other one. */
  public static Scope training(Device device, StepArena arena, Recorder recorder, @Nullable RandomState random,
      @Nullable Trace trace) {
    return training(device, arena, recorder, random, trace, Precision.FP32);
  }

  /** A training step.
   *
   * @param recorder hears of every operation on tensors that require gradients
   * @param random null when no random numbers are to be drawn
   * @param trace null when the calls need not be known
   * @throws IllegalArgumentException if the device does not compute in this precision
   */
  public static Scope training(Device device, StepArena arena, Recorder recorder, @Nullable RandomState random,
      @Nullable Trace trace, Precision precision) {
    return new Scope(device, arena, recorder, random, trace, precision);
  }

  /** No tape, no randomness; what is made in it ends with it. In fp32. */
  public static Scope inference(Device device) {
    return inference(device, Precision.FP32);
  }

  /** {@link #inference(Device)} in another precision.
   *
   * @throws IllegalArgumentException if the device does not compute in it
   */
  public static Scope inference(Device device, Precision precision) {
    return new Scope(device, device.inferenceArena(), null, null, null, precision);
  }

  /** The innermost open scope of this thread, or null. */
  public static @Nullable Scope current() {
    return CURRENT.get();
  }

  /** The innermost open training scope of this thread.
   *
   * @throws IllegalStateException if there is none; {@code what} begins the message
   */
  public static Scope requireTraining(String what) {
    Scope scope = CURRENT.get();
    if (scope == null || scope.recorder == null) {
      throw new IllegalStateException(what + " works only inside a training step; run it in the body of a TrainStep");
    }
    return scope;
  }

  /** Whether this thread is inside a training step: dropout drops, batch statistics are taken. */
  public static boolean isTraining() {
    Scope scope = CURRENT.get();
    return scope != null && scope.recorder != null;
  }

  static boolean isRecording() {
    Scope scope = CURRENT.get();
    return scope != null && scope.recorder != null && scope.recordingPaused == 0;
  }

  /** Marks the running step as one that cannot be replayed. */
  static void refuseCapture(String why) {
    Scope scope = CURRENT.get();
    if (scope != null && scope.trace != null) {
      scope.trace.refuse(why);
    }
  }

  public Device device() {
    return device;
  }

  /** How products are computed in it. */
  public Precision precision() {
    return precision;
  }

  Autocast autocast() {
    return autocast;
  }

  /** What hears of operations; null in inference. */
  public @Nullable Recorder recorder() {
    return recorder;
  }

  /** The random numbers of this step.
   *
   * @throws IllegalStateException outside a training step
   */
  public RandomState random() {
    if (random == null) {
      throw new IllegalStateException("random numbers are drawn only inside a training step");
    }
    return random;
  }

  @Nullable
  Trace trace() {
    return trace;
  }

  @Nullable
  Frame frame() {
    return frame;
  }

  Lease lease(DType dtype, long elements) {
    Lease lease = Lease.step(device, arena.take(dtype, elements), arena, frame);
    live.add(lease);
    return lease;
  }

  /** Memory that no frame gives back. */
  Lease leaseToEnd(DType dtype, long elements) {
    return Lease.step(device, arena.take(dtype, elements), arena, frame);
  }

  StepArena arena() {
    return arena;
  }

  /** Runs {@code body} with the tape deaf. */
  public <T> T withoutRecording(Supplier<T> body) {
    recordingPaused++;
    try {
      return body.get();
    } finally {
      recordingPaused--;
    }
  }

  /** Records what {@code body} does on another tape. */
  public <T> T recordingTo(Recorder other, Supplier<T> body) {
    Recorder own = recorder;
    int paused = recordingPaused;
    recorder = other;
    recordingPaused = 0;
    try {
      return body.get();
    } finally {
      recorder = own;
      recordingPaused = paused;
    }
  }

  /** Runs {@code body}, then abandons what it made, except the survivors. The tape's saved tensors stay until it is done with them. */
  public <T> T frame(String name, Supplier<T> body, Function<T, List<@Nullable Tensor>> survivors) {
    int mark = live.size();
    int outerStart = frameStart;
    Frame outerFrame = frame;
    frameStart = mark;
    frame = new Frame(outerFrame, name);
    T result;
    try {
      result = body.get();
    } catch (ShapeException e) {
      throw located(e);
    } finally {
      frame = outerFrame;
      frameStart = outerStart;
    }
    Set<Lease> keep = Collections.newSetFromMap(new IdentityHashMap<>());
    for (Tensor t : survivors.apply(result)) {
      if (t != null) {
        keep.add(t.lease());
      }
    }
    List<Lease> made = live.subList(mark, live.size());
    String when = "at the end of " + name;
    for (Lease l : made) {
      if (!keep.contains(l)) {
        l.abandon(when);
      }
    }
    made.removeIf(l -> !keep.contains(l));
    return result;
  }

  /** With the place in the model before the message, unless it has it from an inner frame. */
  private ShapeException located(ShapeException e) {
    String path = path();
    String message = String.valueOf(e.getMessage());
    boolean known = message.startsWith(path + ".") || message.startsWith(path + ":");
    return known ? e : new ShapeException(path + ": " + message, e);
  }

  /** Abandons a temporary before its frame ends. What was made outside the current frame is left alone. */
  public void abandon(Tensor t, String when) {
    for (int i = live.size() - 1; i >= frameStart; i--) {
      if (live.get(i) == t.lease()) {
        t.lease().abandon(when);
        return;
      }
    }
  }

  /** Where in the model work is being done: {@code Sequential.1.fc}; empty at the top. */
  public String path() {
    return Frame.path(frame);
  }

  @Override
  public void close() {
    // A scope inside another on the same memory leaves it to the outer one.
    if (outer == null || outer.arena != arena) {
      arena.end();
    }
    CURRENT.set(outer);
    device.owner().unlock();
  }
}
