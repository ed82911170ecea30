package dev.tandem.core.autograd;

import dev.tandem.core.op.Op;
import dev.tandem.core.op.Pointwise;
import dev.tandem.core.tensor.Recorder;
import dev.tandem.core.tensor.Scope;
import dev.tandem.core.tensor.Tensor;
import dev.tandem.core.tensor.View;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Records a step and walks it backwards once, letting go of saved tensors and pending gradients as it passes. */
public final class Tape implements Recorder {
  private final List<Entry> entries = new ArrayList<>();
  private final Set<Tensor> produced = Collections.newSetFromMap(new IdentityHashMap<>());
  /** What entries that a backward pass has consumed had produced. */
  private final Set<Tensor> spent = Collections.newSetFromMap(new IdentityHashMap<>());
  /** What pointwise operations made: their gradients read a gradient that repeats elements as well as a dense one. */
  private final Set<Tensor> pointwise = Collections.newSetFromMap(new IdentityHashMap<>());
  private final Map<Tensor, Entry.Viewed> views = new IdentityHashMap<>();
  private final Set<Tensor> takenDestinations = Collections.newSetFromMap(new IdentityHashMap<>());

  @Override
  public void record(Op op, List<Tensor> in, List<Tensor> out) {
    List<Entry.Saved> saved = new ArrayList<>();
    for (Tensor t : GradientRules.saved(op, in, out)) {
      saved.add(Entry.Saved.pin(t));
    }
    Scope scope = Scope.current();
    String path = scope == null ? "" : scope.path();
    entries.add(new Entry.Executed(op, in, out, saved, path));
    for (Tensor t : out) {
      if (t.requiresGrad()) {
        produced.add(t);
      }
    }
    if (op instanceof Pointwise) {
      pointwise.addAll(out);
    }
  }

  @Override
  public void record(View view, Tensor in, Tensor out) {
    Entry.Viewed entry = new Entry.Viewed(view, in, out);
    entries.add(entry);
    produced.add(out);
    views.put(out, entry);
  }

  @Override
  public void recordConcat(int axis, List<Tensor> parts, Tensor out) {
    entries.add(new Entry.Concatenated(axis, parts, out));
    produced.add(out);
  }

  Gradients backward(Tensor loss, Tensor seed) {
    if (!loss.requiresGrad() || !produced.contains(loss)) {
      throw new IllegalStateException(
          "no gradient flows to " + loss + ": it depends on no parameter, or an earlier Gradients.of of"
              + " this step consumed its tape; add losses up and call it once, or run the forward pass again");
    }
    Scope scope = Scope.requireTraining("Gradients.of");
    return scope.withoutRecording(
        () -> scope.frame("backward", () -> walk(List.of(loss), List.of(seed), scope), Gradients::tensors));
  }

  /** Gradients of {@code function} at {@code in}, one per input or null, by a tape that sees nothing else. */
  static @Nullable Tensor[] differentiate(List<Tensor> in, Function<List<Tensor>, List<Tensor>> function,
      List<@Nullable Tensor> gradOut) {
    Scope scope = Scope.requireTraining("a gradient");
    Tape tape = new Tape();
    List<Tensor> leaves = in.stream().map(t -> t.requiresGrad() ? t.detach().requireGrad() : t).toList();
    List<Tensor> out = scope.recordingTo(tape, () -> function.apply(leaves));
    Gradients gradients = tape.walk(out, gradOut, scope);
    @Nullable Tensor[] result = new Tensor[leaves.size()];
    Arrays.setAll(result, i -> gradients.get(leaves.get(i)));
    return result;
  }

  private Gradients walk(List<Tensor> results, List<@Nullable Tensor> seeds, Scope scope) {
    PendingGradients pending = new PendingGradients(views, takenDestinations);
    for (int i = 0; i < results.size(); i++) {
      Tensor seed = seeds.get(i);
      if (seed != null) {
        pending.add(results.get(i), seed);
      }
    }
    for (Entry entry : entries.reversed()) {
      switch (entry) {
        case Entry.Executed e -> executed(e, pending, scope);
        case Entry.Viewed v -> {
          Tensor g = pending.get(v.result());
          if (g != null) {
            pending.addThrough(v.view(), v.in(), v.result(), g);
          }
        }
        case Entry.Concatenated c -> {
          Tensor g = pending.get(c.result());
          if (g != null) {
            concatenated(c, g, pending);
          }
        }
      }
      for (Tensor t : entry.out()) {
        pending.drop(t);
      }
    }
    for (Tensor t : pending.waiting()) {
      if (spent.contains(t)) {
        throw new IllegalStateException(
            "the gradient reaches " + t + ", computed before an earlier Gradients.of of this step consumed its tape;"
                + " detach() it, add the losses up and call Gradients.of once, or compute it again");
      }
    }
    entries.clear();
    spent.addAll(produced);
    produced.clear();
    pointwise.clear();
    views.clear();
    return pending.leaves();
  }

  private void executed(Entry.Executed e, PendingGradients pending, Scope scope) {
    List<@Nullable Tensor> gradOut = new ArrayList<>();
    boolean any = false;
    for (Tensor t : e.out()) {
      Tensor g = pending.get(t);
      gradOut.add(g);
      any |= g != null;
    }
    if (any) {
      for (Entry.Saved s : e.saved()) {
        s.check(e);
      }
      String name = (e.path().isEmpty() ? "" : e.path() + ".") + e.op().name();
      List<@Nullable Tensor> gradIn = scope.frame(name,
          () -> Arrays
              .asList(GradientRules.apply(e.op(), e.in(), e.out(), gradOut, i -> pending.destination(e.in().get(i)),
                  i -> pointwise.contains(e.in().get(i)))),
          g -> g);
      for (Tensor g : gradIn) {
        if (g != null) {
          g.lease().pin();
        }
      }
      for (int i = 0; i < gradIn.size(); i++) {
        Tensor g = gradIn.get(i);
        if (g != null) {
          pending.add(e.in().get(i), g);
        }
      }
      for (Tensor g : gradIn) {
        if (g != null) {
          PendingGradients.letGo(g);
        }
      }
    }
    for (Entry.Saved s : e.saved()) {
      s.unpin();
    }
  }

  private static void concatenated(Entry.Concatenated c, Tensor g, PendingGradients pending) {
    int at = 0;
    for (Tensor part : c.in()) {
      int end = at + part.shape().dim(c.axis());
      if (part.requiresGrad()) {
        pending.add(part, g.slice(c.axis(), at, end));
      }
      at = end;
    }
  }
}
