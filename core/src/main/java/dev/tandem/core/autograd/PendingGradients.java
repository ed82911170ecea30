package dev.tandem.core.autograd;

import dev.tandem.core.op.Op;
import dev.tandem.core.op.Pointwise;
import dev.tandem.core.pointwise.Expr;
import dev.tandem.core.pointwise.Launch;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.tensor.Execution;
import dev.tandem.core.tensor.Tensor;
import dev.tandem.core.tensor.View;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Gradients on their way back. Each is pinned while it waits; after its use nobody holds it. A leaf may name a destination, a view of
 * a model's flat gradient buffer: then rules write there directly where they can, through transposed and reshaped views too.
 */
final class PendingGradients {
  private static final Program ADD = Program.of(2, Expr.input(0).add(Expr.input(1)));

  private final Map<Tensor, Tensor> gradients = new IdentityHashMap<>();
  /** Whose gradient is memory that nothing else reads, so that more can be added in place. */
  private final Set<Tensor> owned = Collections.newSetFromMap(new IdentityHashMap<>());
  private final Map<Tensor, Entry.Viewed> views;
  /** Leaves whose destination holds the result of an earlier backward pass of the step. */
  private final Set<Tensor> taken;
  /** Leaves whose destination a rule of this pass has asked for. */
  private final Set<Tensor> lent = Collections.newSetFromMap(new IdentityHashMap<>());

  PendingGradients(Map<Tensor, Entry.Viewed> views, Set<Tensor> taken) {
    this.views = views;
    this.taken = taken;
  }

  @Nullable
  Tensor get(Tensor of) {
    return gradients.get(of);
  }

  /** Where the gradient of {@code t} may be written directly, at most one asker per leaf; null for fresh memory. */
  @Nullable
  Tensor destination(Tensor t) {
    if (gradients.containsKey(t)) {
      return null;
    }
    Entry.Viewed viewed = views.get(t);
    if (viewed == null) {
      Tensor destination = t.gradientDestination();
      return destination != null && !taken.contains(t) && lent.add(t) ? destination : null;
    }
    if (!(viewed.view() instanceof View.Permute) && !(viewed.view() instanceof View.Reshape)) {
      return null;
    }
    Tensor base = destination(viewed.in());
    if (base == null || viewed.view() instanceof View.Reshape r && base.layout().reshape(r.target()).isEmpty()) {
      return null;
    }
    return base.quietView(viewed.view());
  }

  void add(Tensor to, Tensor gradient) {
    if (!to.requiresGrad()) {
      return;
    }
    Tensor known = gradients.get(to);
    if (known == null) {
      put(to, gradient);
    } else if (inDestination(to, gradient)) {
      addInPlace(known, gradient, gradient);
      put(to, gradient);
      letGo(known);
    } else if (owned.contains(to) || inDestination(to, known)) {
      addInPlace(known, gradient, known);
    } else {
      put(to, known.add(gradient));
      owned.add(to);
      letGo(known);
    }
  }

  private static void addInPlace(Tensor a, Tensor b, Tensor to) {
    Op add = new Pointwise("add", ADD, List.of(to.dtype()), Launch.NONE);
    Execution.into(add, List.of(a, b), List.of(to));
  }

  private static boolean inDestination(Tensor leaf, Tensor gradient) {
    Tensor destination = leaf.gradientDestination();
    return destination != null && gradient.lease().sharesMemory(destination.lease());
  }

  /** Views: the gradient goes to the viewed part. Slices add into one buffer, so that T slices of a sequence cost T, not T². */
  void addThrough(View view, Tensor to, Tensor from, Tensor g) {
    switch (view) {
      case View.Reshape r -> pass(to, from, g.reshape(to.shape().dims()));
      case View.Permute p -> pass(to, from, g.view(p.inverse()));
      case View.Expand e ->
          add(to, GradientRules.reduceTo(to.shape(), Program.IDENTITY, Launch.NONE, List.of(g), e.target(),
              g.dtype(), destination(to)));
      case View.Slice s -> {
        if (!owned.contains(to)) {
          Tensor buffer = Tensor.full(to.device(), 0, to.shape().dims()).to(to.dtype());
          Tensor known = gradients.get(to);
          if (known != null) {
            buffer.assign(known);
            letGo(known);
          }
          put(to, buffer);
          owned.add(to);
        }
        Tensor part = buffer(to).quietView(s);
        addInPlace(part, g, part);
      }
    }
  }

  private Tensor buffer(Tensor of) {
    Tensor t = gradients.get(of);
    if (t == null) {
      throw new IllegalStateException("no gradient waits for " + of);
    }
    return t;
  }

  /** The same memory seen from the viewed tensor; whoever owned it owns it still. */
  private void pass(Tensor to, Tensor from, Tensor g) {
    boolean first = !gradients.containsKey(to);
    boolean ownedBefore = owned.contains(from) && g.lease() == buffer(from).lease();
    add(to, g);
    if (first && ownedBefore && gradients.containsKey(to)) {
      owned.add(to);
    }
  }

  void drop(Tensor of) {
    Tensor g = gradients.remove(of);
    if (g != null) {
      letGo(g);
    }
    owned.remove(of);
  }

  /** The tensors whose gradients wait; when the tape is empty, those that nothing on it produced. */
  Set<Tensor> waiting() {
    return gradients.keySet();
  }

  /** What remains when the tape is empty. */
  Gradients leaves() {
    Map<Tensor, Tensor> leaves = new IdentityHashMap<>();
    // First those that are copied and let go: leaves can share a gradient, and one that is let go after its adoption is freed.
    for (Map.Entry<Tensor, Tensor> e : gradients.entrySet()) {
      Tensor leaf = e.getKey();
      Tensor g = e.getValue();
      Tensor destination = leaf.gradientDestination();
      if (destination == null || taken.contains(leaf)) {
        continue;
      }
      if (inDestination(leaf, g)) {
        g.lease().unpin();
      } else {
        destination.assign(g);
        letGo(g);
      }
      leaves.put(leaf, destination);
    }
    taken.addAll(leaves.keySet());
    for (Map.Entry<Tensor, Tensor> e : gradients.entrySet()) {
      if (leaves.putIfAbsent(e.getKey(), e.getValue()) == null) {
        e.getValue().lease().adopt();
      }
    }
    return new Gradients(leaves);
  }

  private void put(Tensor to, Tensor g) {
    g.lease().pin();
    gradients.put(to, g);
  }

  /** For a pinned gradient that waits here no longer. */
  static void letGo(Tensor g) {
    g.lease().abandon("by backward");
    g.lease().unpin();
  }
}
