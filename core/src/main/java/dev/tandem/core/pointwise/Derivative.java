package dev.tandem.core.pointwise;

import dev.tandem.core.shape.DType.Kind;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The vector-Jacobian product of a program. Gradient expressions read three groups of slots: the forward inputs, then the forward
 * outputs, then one gradient per output. Fixed rules where the function has no derivative: at a tie MAX and MIN pass the gradient
 * to their second operand (so relu and its gradient are 0 at 0), ABS has 0 at 0, FLOOR and comparisons have 0 everywhere.
 */
public final class Derivative {
  /** A gradient program for some inputs, one output each, and the slots its operands come from. */
  public record Selection(Program program, List<Integer> slots) {
  }

  private record Key(Program program, boolean outputsAtHand) {
    // Written out as in Program.Instruction.
    @Override
    public boolean equals(@Nullable Object o) {
      return o instanceof Key k && outputsAtHand == k.outputsAtHand && program.equals(k.program);
    }

    @Override
    public int hashCode() {
      return 31 * program.hashCode() + Boolean.hashCode(outputsAtHand);
    }
  }

  private static final Expr ZERO = Expr.constant(0);
  private static final Expr ONE = Expr.constant(1);
  private static final double TWO_OVER_ROOT_PI = 2 / Math.sqrt(Math.PI);
  private static final BoundedCache<Key, Derivative> KNOWN = new BoundedCache<>(4096);

  private final int inputs;
  private final int outputs;
  private final @Nullable Expr[] gradients;
  private final Map<List<Integer>, Selection> selections = new HashMap<>();

  private Derivative(Program p, boolean outputsAtHand) {
    inputs = p.inputs().size();
    outputs = p.outputs().size();
    List<Expr> nodes = p.expressions();
    @Nullable Expr[] plain = differentiate(p, nodes);
    @Nullable Expr[] viaOutputs = outputsAtHand ? throughOutputs(p, nodes, plain) : plain;
    gradients = saved(viaOutputs) <= saved(plain) ? viaOutputs : plain;
  }

  /** @param outputsAtHand whether the forward outputs exist in memory (not so for the prologue of a reduction) */
  public static Derivative of(Program p, boolean outputsAtHand) {
    return KNOWN.get(new Key(p, outputsAtHand), k -> new Derivative(p, outputsAtHand));
  }

  /** Whether any gradient flows to {@code input}. */
  public boolean reaches(int input) {
    return gradients[input] != null;
  }

  /** The program for the gradients of {@code wanted}, all of which must be reached. */
  public synchronized Selection select(List<Integer> wanted) {
    return selections.computeIfAbsent(List.copyOf(wanted), w -> {
      List<Expr> chosen = new ArrayList<>();
      for (int i : w) {
        Expr g = gradients[i];
        if (g == null) {
          throw new IllegalArgumentException("no gradient flows to input " + i);
        }
        chosen.add(g);
      }
      Map<Integer, Kind> read = slots(chosen);
      List<Integer> order = List.copyOf(read.keySet());
      Map<Integer, Expr> renumber = new HashMap<>();
      for (int k = 0; k < order.size(); k++) {
        renumber.put(order.get(k), Expr.input(k, read.get(order.get(k))));
      }
      Map<Expr, Expr> done = new IdentityHashMap<>();
      List<Expr> out = new ArrayList<>();
      for (Expr e : chosen) {
        out.add(renumber(e, renumber, done));
      }
      return new Selection(Program.of(List.copyOf(read.values()), out), order);
    });
  }

  private static @Nullable Expr[] differentiate(Program p, List<Expr> nodes) {
    @Nullable Expr[] adjoint = new Expr[nodes.size()];
    for (int k = 0; k < p.outputs().size(); k++) {
      int node = p.outputs().get(k);
      if (nodes.get(node).kind == Kind.FLOAT) {
        adjoint[node] = sum(adjoint[node], Expr.input(p.inputs().size() + p.outputs().size() + k));
      }
    }
    @Nullable Expr[] result = new Expr[p.inputs().size()];
    for (int n = nodes.size() - 1; n >= 0; n--) {
      Expr g = adjoint[n];
      if (g == null) {
        continue;
      }
      Expr y = nodes.get(n);
      Program.Instruction i = p.code().get(n);
      if (i.op() == Opcode.INPUT) {
        result[i.index()] = sum(result[i.index()], g);
      }
      @Nullable Expr[] d = rule(y, g);
      int[] to = {i.a(), i.b(), i.c()};
      for (int k = 0; k < d.length; k++) {
        Expr part = d[k];
        if (part != null && nodes.get(to[k]).kind == Kind.FLOAT) {
          adjoint[to[k]] = sum(adjoint[to[k]], part);
        }
      }
    }
    return result;
  }

  /** The gradient {@code g} of {@code y} passed to each of its operands. */
  private static @Nullable Expr[] rule(Expr y, Expr g) {
    Expr a = y.args.isEmpty() ? ZERO : y.args.get(0);
    Expr b = y.args.size() < 2 ? ZERO : y.args.get(1);
    return switch (y.op) {
      case INPUT, CONST, ARGUMENT, RANDOM, LESS, EQUAL, FLOOR, TO_FLOAT, TO_INT -> to();
      case ADD -> to(g, g);
      case SUB -> to(g, g.neg());
      case MUL -> to(g.mul(b), g.mul(a));
      case DIV -> to(g.div(b), g.mul(y).div(b).neg());
      // b < a written as b < max(a, b): so relu saves its output, which the next layer saves anyway.
      case MAX -> to(b.less(y).where(g, ZERO), b.less(y).where(ZERO, g));
      case MIN -> to(y.less(b).where(g, ZERO), y.less(b).where(ZERO, g));
      case POW ->
          to(b.op == Opcode.CONST ? powerRule(a, b.value, g) : b.equal(ZERO).where(ZERO, g.mul(b).mul(a.pow(b.sub(1)))),
              b.op == Opcode.CONST ? null : ZERO.less(a).where(g.mul(y).mul(a.log()), ZERO));
      case WHERE -> to(null, a.where(g, ZERO), a.where(ZERO, g));
      case NEG -> to(g.neg());
      case ABS -> to(a.less(ZERO).where(g.neg(), ZERO.less(a).where(g, ZERO)));
      case SQRT -> to(g.mul(0.5).div(y));
      case EXP -> to(g.mul(y));
      case LOG -> to(g.div(a));
      case EXPM1 -> to(g.mul(y.add(1)));
      case LOG1P -> to(g.div(a.add(1)));
      case TANH -> to(g.mul(ONE.sub(y.mul(y))));
      case SIGMOID -> to(g.mul(y).mul(ONE.sub(y)));
      case ERF -> to(g.mul(TWO_OVER_ROOT_PI).mul(a.mul(a).neg().exp()));
      case SIN -> to(g.mul(a.cos()));
      case COS -> to(g.mul(a.sin()).neg());
    };
  }

  private static @Nullable Expr powerRule(Expr a, double exponent, Expr g) {
    if (exponent == 0) {
      return null;
    }
    return exponent == 2 ? g.mul(a).mul(2) : g.mul(exponent).mul(a.pow(exponent - 1));
  }

  private static @Nullable Expr[] to(@Nullable Expr... gradients) {
    return gradients;
  }

  private static Expr sum(@Nullable Expr a, Expr b) {
    return a == null ? b : a.add(b);
  }

  /** Reads a forward output where its expression would be computed again: tanh' = 1 - y². */
  private static @Nullable Expr[] throughOutputs(Program p, List<Expr> nodes, @Nullable Expr[] plain) {
    Map<Expr, Expr> known = new IdentityHashMap<>();
    for (int k = 0; k < p.outputs().size(); k++) {
      Expr y = nodes.get(p.outputs().get(k));
      if (y.op.arity() > 0) {
        known.putIfAbsent(y, Expr.input(p.inputs().size() + k, y.kind));
      }
    }
    @Nullable Expr[] r = new Expr[plain.length];
    for (int i = 0; i < r.length; i++) {
      Expr e = plain[i];
      r[i] = e == null ? null : replace(e, known);
    }
    return r;
  }

  /** {@code e} with some nodes replaced; {@code known} remembers what was done. */
  private static Expr replace(Expr e, Map<Expr, Expr> known) {
    Expr r = known.get(e);
    if (r == null) {
      List<Expr> args = new ArrayList<>();
      for (Expr a : e.args) {
        args.add(replace(a, known));
      }
      r = withArguments(e, args);
      known.put(e, r);
    }
    return r;
  }

  private static Expr withArguments(Expr e, List<Expr> args) {
    return args.isEmpty() ? e : Expr.of(e.op, e.kind, e.value, e.index, args);
  }

  private static Expr renumber(Expr e, Map<Integer, Expr> inputs, Map<Expr, Expr> done) {
    if (e.op == Opcode.INPUT) {
      return inputs.getOrDefault(e.index, e);
    }
    Expr r = done.get(e);
    if (r == null) {
      List<Expr> args = new ArrayList<>();
      for (Expr a : e.args) {
        args.add(renumber(a, inputs, done));
      }
      r = withArguments(e, args);
      done.put(e, r);
    }
    return r;
  }

  /** How many forward inputs and outputs the tape would have to save. */
  private int saved(@Nullable Expr[] exprs) {
    List<Expr> present = new ArrayList<>();
    for (Expr e : exprs) {
      if (e != null) {
        present.add(e);
      }
    }
    int saved = 0;
    for (int slot : slots(present).keySet()) {
      if (slot < inputs + outputs) {
        saved++;
      }
    }
    return saved;
  }

  private static Map<Integer, Kind> slots(List<Expr> exprs) {
    Map<Integer, Kind> slots = new TreeMap<>();
    Map<Expr, Boolean> seen = new IdentityHashMap<>();
    for (Expr e : exprs) {
      collect(e, slots, seen);
    }
    return slots;
  }

  private static void collect(Expr e, Map<Integer, Kind> slots, Map<Expr, Boolean> seen) {
    if (seen.put(e, true) != null) {
      return;
    }
    if (e.op == Opcode.INPUT) {
      slots.put(e.index, e.kind);
    }
    for (Expr a : e.args) {
      collect(a, slots, seen);
    }
  }
}
