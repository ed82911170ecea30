package dev.tandem.cpu;

import dev.tandem.core.pointwise.Opcode;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.pointwise.Program.Instruction;
import java.lang.classfile.ClassFile;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.List;

/**
 * Compiles a program to a {@link PointwiseLoop}, a hidden class: a loop over rows around a loop over columns. Here is what the
 * scalar and the vector loop share; both are written by emitting the program's instructions in order, one local variable for each,
 * loads as they come and all stores last, so that an operand may be read and written.
 */
abstract class PointwiseGenerator {
  static final ClassDesc MEMORY = desc(Memory.class);
  private static final ClassDesc LOOP = desc(PointwiseLoop.class);
  private static final ClassDesc LONGS = ConstantDescs.CD_long.arrayType();
  private static final ClassDesc INT = ConstantDescs.CD_int;
  private static final MethodTypeDesc RUN =
      MethodTypeDesc.of(ConstantDescs.CD_void, LONGS, LONGS, LONGS, ConstantDescs.CD_int,
          ConstantDescs.CD_int, ConstantDescs.CD_int, ConstantDescs.CD_double.arrayType());

  // Local variables of run.
  private static final int AT = 1;
  private static final int ROW = 2;
  private static final int STEP = 3;
  private static final int ROWS = 4;
  private static final int FROM = 5;
  private static final int TO = 6;
  private static final int ARGUMENTS = 7;
  private static final int R = 8;
  private static final int COLUMN = 9;
  private static final int FIRST = 10;

  final CodeBuilder c;
  final Program program;
  private final List<Access> operands;
  private final boolean[] used;

  PointwiseGenerator(CodeBuilder c, Program program, List<Access> operands) {
    this.c = c;
    this.program = program;
    this.operands = operands;
    used = new boolean[operands.size()];
    for (Instruction i : program.code()) {
      if (i.op() == Opcode.INPUT) {
        used[i.index()] = true;
      }
    }
    for (int k = program.inputs().size(); k < used.length; k++) {
      used[k] = true;
    }
  }

  static ClassDesc desc(Class<?> c) {
    return ClassDesc.ofDescriptor(c.descriptorString());
  }

  /** @param vector whether to make the vector loop, which must {@linkplain VectorGenerator#supports support} the program */
  static PointwiseLoop generate(Program program, List<Access> operands, boolean vector) {
    ClassDesc name = ClassDesc.of(PointwiseLoop.class.getPackageName(), vector ? "VectorLoop" : "ScalarLoop");
    // Scalar instructions branch inside expressions.
    byte[] bytes = (vector ? Frames.GIVEN : ClassFile.of()).build(name, b -> {
      b.withFlags(ClassFile.ACC_FINAL).withInterfaceSymbols(LOOP);
      b.withMethodBody(ConstantDescs.INIT_NAME, ConstantDescs.MTD_void, 0,
          c -> c.aload(0).invokespecial(ConstantDescs.CD_Object, ConstantDescs.INIT_NAME, ConstantDescs.MTD_void)
              .return_());
      b.withMethodBody("run", RUN, ClassFile.ACC_PUBLIC, c -> {
        PointwiseGenerator g =
            vector ? new VectorGenerator(c, program, operands) : new ScalarGenerator(c, program, operands);
        g.loops(new Frames(c, name, RUN), vector);
      });
    });
    try {
      MethodHandles.Lookup hidden = MethodHandles.lookup().defineHiddenClass(bytes, true);
      return (PointwiseLoop) hidden.findConstructor(hidden.lookupClass(), MethodType.methodType(void.class)).invoke();
    } catch (Throwable t) {
      throw new IllegalStateException("no loop could be made of " + program, t);
    }
  }

  /** Elements done by one turn of the inner loop. */
  abstract int width();

  /** Puts what never changes into its registers: CONST and ARGUMENT. */
  abstract void constant(int register, Instruction i);

  abstract void instruction(int register, Instruction i);

  /** Loads the element of operand {@code k} at the current place into a register. */
  abstract void load(int register, int k);

  abstract void store(int register, int k);

  /** The type of the local variable of a register. */
  abstract ClassDesc type(Instruction i);

  /** @param given whether the frames are told, not found out */
  private void loops(Frames frames, boolean given) {
    Label work = c.newLabel();
    Label count = c.newLabel();
    // The idle loop: up to 0 if rows is less.
    c.iload(ROWS).ifge(work);
    frames.bind(count);
    c.iinc(ROWS, 1).iload(ROWS).iflt(count).return_();
    frames.bind(work);
    // For C2, which then knows the range of a column.
    c.iload(TO).loadConstant(PointwiseLoop.MOST_COLUMNS)
        .invokestatic(desc(Math.class), "min", MethodTypeDesc.of(INT, INT, INT)).istore(TO);
    c.iload(FROM).iconst_0().invokestatic(desc(Math.class), "max", MethodTypeDesc.of(INT, INT, INT)).istore(FROM);
    for (int k = 0; k < used.length; k++) {
      if (used[k]) {
        c.aload(AT).loadConstant(k).laload().lstore(base(k));
        frames.local(base(k), ConstantDescs.CD_long);
        if (operands.get(k).step() == Access.Step.OTHER) {
          c.aload(STEP).loadConstant(k).laload().lstore(step(k));
          frames.local(step(k), ConstantDescs.CD_long);
        }
      }
    }
    each((n, i) -> {
      if (i.op() == Opcode.CONST || i.op() == Opcode.ARGUMENT) {
        constant(register(n), i);
        frames.local(register(n), type(i));
      }
    });
    Label rowTop = c.newLabel();
    Label rowEnd = c.newLabel();
    Label top = c.newLabel();
    Label end = c.newLabel();
    c.iconst_0().istore(R);
    frames.local(R, ConstantDescs.CD_int);
    var inRows = frames.now();
    frames.bind(rowTop);
    c.iload(R).iload(ROWS).if_icmpge(rowEnd);
    for (int k = 0; k < used.length; k++) {
      if (used[k] && operands.get(k).step() == Access.Step.UNIT) {
        c.lload(base(k)).loadConstant(Memory.MASK).land().lstore(begin(k));
        frames.local(begin(k), ConstantDescs.CD_long);
      }
    }
    each((n, i) -> {
      if (i.op() == Opcode.INPUT && isRepeated(i)) {
        load(register(n), i.index());
        frames.local(register(n), type(i));
      }
    });
    c.iload(FROM).istore(COLUMN);
    frames.local(COLUMN, ConstantDescs.CD_int);
    frames.bind(top);
    c.iload(COLUMN).iload(TO).if_icmpge(end);
    each((n, i) -> {
      switch (i.op()) {
        case CONST, ARGUMENT -> {}
        case INPUT -> {
          if (!isRepeated(i)) {
            load(register(n), i.index());
          }
        }
        default -> instruction(register(n), i);
      }
    });
    int inputs = program.inputs().size();
    for (int o = 0; o < program.outputs().size(); o++) {
      store(register(program.outputs().get(o)), inputs + o);
    }
    c.iinc(COLUMN, width()).goto_(top);
    frames.bind(end);
    for (int k = 0; k < used.length; k++) {
      if (used[k]) {
        c.lload(base(k)).aload(ROW).loadConstant(k).laload().ladd().lstore(base(k));
      }
    }
    c.iinc(R, 1).goto_(rowTop);
    frames.back(inRows);
    frames.bind(rowEnd);
    c.return_();
    if (given) {
      frames.end();
    }
  }

  private interface Emitter {
    void emit(int number, Instruction i);
  }

  private void each(Emitter e) {
    for (int n = 0; n < program.code().size(); n++) {
      e.emit(n, program.code().get(n));
    }
  }

  private boolean isRepeated(Instruction input) {
    return operands.get(input.index()).step() == Access.Step.ZERO;
  }

  private static int base(int k) {
    return FIRST + 4 * k;
  }

  private static int step(int k) {
    return FIRST + 4 * k + 2;
  }

  /** The local variable with the address of the current row of a dense operand, which needs no step. */
  private static int begin(int k) {
    return step(k);
  }

  /** The local variable of instruction {@code n}. */
  final int register(int n) {
    return FIRST + 4 * used.length + n;
  }

  final Access operand(int k) {
    return operands.get(k);
  }

  /**
   * Pushes the address of the current element of operand {@code k}. To C2 that of a dense one is, by the ranges of its parts, within
   * {@link Memory#ALL}, and its distance from the row an int: so it is no arithmetic but the operand of an instruction, where a mask
   * for every access took a third of the time of Adam.
   */
  final void address(int k) {
    switch (operands.get(k).step()) {
      case ZERO -> c.lload(base(k));
      case UNIT -> c.lload(begin(k)).iload(COLUMN).loadConstant(PointwiseLoop.MOST_COLUMNS - 1).iand().i2l()
          .loadConstant(Integer.numberOfTrailingZeros(operands.get(k).dtype().bytes())).lshl().ladd();
      case OTHER -> c.lload(base(k)).iload(COLUMN).i2l().lload(step(k)).lmul().ladd();
    }
  }

  /** Pushes argument {@code i} as a double. */
  final void argument(int i) {
    c.aload(ARGUMENTS).loadConstant(i).daload();
  }
}
