package dev.tandem.cpu;

import dev.tandem.core.pointwise.BoundedCache;
import dev.tandem.core.pointwise.Opcode;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.pointwise.Program.Instruction;
import dev.tandem.core.shape.DType.Kind;
import java.util.ArrayList;
import java.util.List;

/**
 * How a program is run over a block of elements: random numbers are drawn into temporaries, then one or more stages follow, each a
 * program of its own that is compiled to one loop. A function of a function is cut in between: in one loop it is a chain so long that
 * the processor finds no other work while it waits (measured for three exponentials in a row: 1.21 ns an element in one loop, 0.65 in
 * three). So are programs too long for the compiler. Floats cross a cut in temporaries; anything else is computed again. Only the
 * last stage writes operands, so that they may be read until then.
 *
 * @param temporaries how many blocks of floats there are
 */
record PointwisePlan(List<Draw> draws, List<Stage> stages, int temporaries) {
  /** Uniform random numbers into a temporary; the counter is an operand. */
  record Draw(int temporary, int counter, int salt) {
  }

  /** @param operands where each operand of the program is: a number of the whole program's operand, or -1 - t for temporary t */
  record Stage(Program program, List<Integer> operands) {
  }

  /** Vector operations in a stage; beyond some hundreds C2 runs out of registers, and at tens of thousands of nodes gives up. */
  private static final int STAGE_COST = 120;

  private static final BoundedCache<Program, PointwisePlan> PLANS = new BoundedCache<>(512);

  static PointwisePlan of(Program program) {
    return PLANS.get(program, p -> new Cutter(p).plan());
  }

  /** Whether the program is run as it is. */
  boolean isDirect() {
    return stages.size() == 1 && draws.isEmpty();
  }

  /** About how many vector operations a program is, at least one. */
  static int cost(Program program) {
    int cost = program.outputs().size();
    for (Instruction i : program.code()) {
      cost += cost(i.op());
    }
    return cost;
  }

  /** About how many vector operations an instruction is. */
  private static int cost(Opcode op) {
    return switch (op) {
      case CONST, ARGUMENT, RANDOM -> 0;
      case INPUT, ADD, SUB, MUL, DIV, MAX, MIN, NEG, ABS, SQRT, TO_FLOAT, TO_INT, WHERE, LESS, EQUAL -> 1;
      case FLOOR, POW, SIN, COS -> 8;
      case EXP, EXPM1, SIGMOID, TANH -> 24;
      case LOG, LOG1P -> 30;
      case ERF -> 45;
    };
  }

  /** A function is one long chain of operations, each waiting for the one before. */
  private static boolean isFunction(Opcode op) {
    return cost(op) >= 24;
  }

  private static final class Cutter {
    private final Program program;
    private final int[] stageOf;
    private final int[] temporaryOf;
    /** Whether an instruction depends on a function of its own stage, or is one. */
    private final boolean[] afterFunction;
    /** Of the stages so far. */
    private final List<Integer> costs = new ArrayList<>();
    private final List<Draw> draws = new ArrayList<>();
    private int temporaries;

    Cutter(Program program) {
      this.program = program;
      stageOf = new int[program.code().size()];
      temporaryOf = new int[stageOf.length];
      afterFunction = new boolean[stageOf.length];
    }

    PointwisePlan plan() {
      int stage = 0;
      for (int n = 0; n < stageOf.length; n++) {
        stageOf[n] = place(n);
        stage = Math.max(stage, stageOf[n]);
        temporaryOf[n] = -1;
        Instruction i = program.code().get(n);
        if (i.op() == Opcode.RANDOM) {
          temporaryOf[n] = temporaries;
          draws.add(new Draw(temporaries++, program.code().get(i.a()).index(), i.index()));
        }
      }
      if (stage == 0 && draws.isEmpty()) {
        return new PointwisePlan(List.of(), List.of(new Stage(program, List.of())), 0);
      }
      List<Stage> stages = new ArrayList<>();
      // From the last to the first: what a stage must hand on is known when all later ones are.
      for (int s = stage; s >= 0; s--) {
        StageBuilder b = new StageBuilder(s);
        boolean last = s == stage;
        for (int n = 0; n < stageOf.length && !last; n++) {
          if (stageOf[n] == s && temporaryOf[n] >= 0 && program.code().get(n).op() != Opcode.RANDOM) {
            b.roots.add(n);
          }
        }
        stages.addFirst(b.build(last));
      }
      return new PointwisePlan(List.copyOf(draws), List.copyOf(stages), temporaries);
    }

    /** The earliest stage with room where all operands are known and no function waits for another. */
    private int place(int n) {
      Instruction i = program.code().get(n);
      int[] read = {i.a(), i.b(), i.c()};
      int stage = 0;
      for (int k = 0; k < i.op().arity(); k++) {
        stage = Math.max(stage, stageOf[read[k]]);
      }
      for (int k = 0; k < i.op().arity(); k++) {
        afterFunction[n] |= afterFunction[read[k]] && stageOf[read[k]] == stage;
      }
      if (isFunction(i.op())) {
        stage += afterFunction[n] ? 1 : 0;
        afterFunction[n] = true;
      }
      int cost = cost(i.op());
      while (costs.size() > stage && costs.get(stage) > 0 && costs.get(stage) + cost > STAGE_COST) {
        stage++;
        afterFunction[n] = isFunction(i.op());
      }
      while (costs.size() <= stage) {
        costs.add(0);
      }
      costs.set(stage, costs.get(stage) + cost);
      return stage;
    }

    private final class StageBuilder {
      final int stage;
      final List<Integer> roots = new ArrayList<>();
      private final boolean[] needed = new boolean[stageOf.length];

      StageBuilder(int stage) {
        this.stage = stage;
      }

      Stage build(boolean last) {
        List<Integer> results = last ? program.outputs() : roots;
        results.forEach(this::need);
        List<Kind> kinds = new ArrayList<>();
        List<Integer> operands = new ArrayList<>();
        List<Instruction> code = new ArrayList<>();
        int[] place = new int[stageOf.length];
        for (int n = 0; n < stageOf.length; n++) {
          if (!needed[n]) {
            continue;
          }
          Instruction i = program.code().get(n);
          place[n] = code.size();
          if (i.op() == Opcode.INPUT || isHandedIn(n)) {
            code.add(new Instruction(Opcode.INPUT, i.kind(), -1, -1, -1, 0, operands.size()));
            kinds.add(i.kind());
            operands.add(i.op() == Opcode.INPUT ? i.index() : -1 - temporaryOf[n]);
          } else {
            int arity = i.op().arity();
            code.add(new Instruction(i.op(), i.kind(), arity > 0 ? place[i.a()] : -1, arity > 1 ? place[i.b()] : -1,
                arity > 2 ? place[i.c()] : -1, i.value(), i.index()));
          }
        }
        for (int k = 0; k < results.size(); k++) {
          operands.add(last ? program.inputs().size() + k : -1 - temporaryOf[results.get(k)]);
        }
        return new Stage(new Program(kinds, code, results.stream().map(n -> place[n]).toList()), List.copyOf(operands));
      }

      private boolean isHandedIn(int n) {
        Instruction i = program.code().get(n);
        return i.op() == Opcode.RANDOM || i.kind() == Kind.FLOAT && i.op().arity() > 0 && stageOf[n] < stage;
      }

      private void need(int n) {
        if (needed[n]) {
          return;
        }
        needed[n] = true;
        if (isHandedIn(n)) {
          if (temporaryOf[n] < 0) {
            temporaryOf[n] = temporaries++;
          }
          return;
        }
        Instruction i = program.code().get(n);
        int[] read = {i.a(), i.b(), i.c()};
        for (int k = 0; k < i.op().arity(); k++) {
          need(read[k]);
        }
      }
    }
  }
}
