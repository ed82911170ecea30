package dev.tandem.core.testing;

import dev.tandem.core.pointwise.Expr;
import dev.tandem.core.pointwise.Opcode;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.DType.Kind;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.random.RandomGenerator;

/** Programs that no one would write. */
final class RandomPrograms {
  /** Functions whose results soon overflow or lose their meaning: made rarer, and their operands tamed. */
  private static final Set<Opcode> WILD = EnumSet.of(Opcode.EXP, Opcode.EXPM1, Opcode.POW, Opcode.SIN, Opcode.COS);

  private final RandomGenerator random;

  RandomPrograms(RandomGenerator random) {
    this.random = random;
  }

  /**
   * @param inputs kinds of the operands, all of which may be read
   * @param instructions how many are drawn; equal ones share a register
   */
  Program program(List<Kind> inputs, int instructions, int outputs) {
    List<Expr> pool = new ArrayList<>();
    for (int i = 0; i < inputs.size(); i++) {
      pool.add(Expr.input(i, inputs.get(i)));
    }
    pool.add(Expr.constant(random.nextGaussian()));
    pool.add(Expr.constant(random.nextInt(-5, 6), Kind.INT));
    pool.add(Expr.constant(random.nextInt(2), Kind.BOOL));
    List<Signature> signatures = Signature.all();
    for (int n = 0; n < instructions; n++) {
      Signature s = signatures.get(random.nextInt(signatures.size()));
      List<Expr> operands = new ArrayList<>();
      for (Kind k : s.operands()) {
        Expr e = pick(pool, k);
        operands.add(WILD.contains(s.op()) ? e.max(-4).min(4) : e);
      }
      pool.add(s.apply(operands));
    }
    List<Expr> chosen = new ArrayList<>();
    for (int k = 0; k < outputs; k++) {
      chosen.add(pool.get(pool.size() - 1 - (k == 0 ? 0 : random.nextInt(pool.size()))));
    }
    return Program.of(inputs, chosen);
  }

  /** Recent expressions of {@code kind} more often than old ones, so that programs grow deep. */
  private Expr pick(List<Expr> pool, Kind kind) {
    List<Expr> fitting = pool.stream().filter(e -> e.kind() == kind).toList();
    int from = random.nextInt(fitting.size());
    return fitting.get(random.nextInt(from, fitting.size()));
  }
}
