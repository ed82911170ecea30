package dev.tandem.cpu;

import dev.tandem.core.pointwise.Opcode;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.pointwise.Program.Instruction;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.DType.Kind;
import dev.tandem.core.shape.HostArray;
import java.lang.classfile.CodeBuilder;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import java.util.List;
import java.util.Locale;

/** One element a turn, any dtype and stride. FLOAT registers are floats, INT and BOOL registers ints. */
final class ScalarGenerator extends PointwiseGenerator {
  private static final ClassDesc SCALAR_MATH = desc(ScalarMath.class);
  private static final ClassDesc MATH = desc(Math.class);
  private static final ClassDesc FLOAT = ConstantDescs.CD_float;
  private static final ClassDesc INT = ConstantDescs.CD_int;
  private static final ClassDesc LONG = ConstantDescs.CD_long;
  private static final ClassDesc VOID = ConstantDescs.CD_void;

  ScalarGenerator(CodeBuilder c, Program program, List<Access> operands) {
    super(c, program, operands);
  }

  @Override
  int width() {
    return 1;
  }

  @Override
  ClassDesc type(Instruction i) {
    return i.kind() == Kind.FLOAT ? FLOAT : INT;
  }

  @Override
  void constant(int register, Instruction i) {
    if (i.op() == Opcode.CONST) {
      c.loadConstant(i.value());
    } else {
      argument(i.index());
    }
    switch (i.kind()) {
      case FLOAT -> c.d2f().fstore(register);
      case INT -> c.d2i().istore(register);
      case BOOL -> {
        truth(c.dconst_0().dcmpl(), java.lang.classfile.Opcode.IFNE);
        c.istore(register);
      }
    }
  }

  @Override
  void load(int register, int k) {
    address(k);
    switch (operand(k).dtype()) {
      case F32 -> c.invokestatic(MEMORY, "getFloat", MethodTypeDesc.of(FLOAT, LONG));
      case BF16 -> c.invokestatic(MEMORY, "getShort", MethodTypeDesc.of(ConstantDescs.CD_short, LONG)).bipush(16).ishl()
          .invokestatic(ConstantDescs.CD_Float, "intBitsToFloat", MethodTypeDesc.of(FLOAT, INT));
      case I32 -> c.invokestatic(MEMORY, "getInt", MethodTypeDesc.of(INT, LONG));
      case U8 -> c.invokestatic(MEMORY, "getByte", MethodTypeDesc.of(ConstantDescs.CD_byte, LONG)).sipush(0xFF).iand();
      case BOOL -> c.invokestatic(MEMORY, "getByte", MethodTypeDesc.of(ConstantDescs.CD_byte, LONG));
      case F64 -> throw new IllegalArgumentException("cpu has no F64");
    }
    set(register, operand(k).dtype().kind());
  }

  @Override
  void store(int register, int k) {
    DType dtype = operand(k).dtype();
    address(k);
    get(c, register, dtype.kind());
    switch (dtype) {
      case F32 -> c.invokestatic(MEMORY, "setFloat", MethodTypeDesc.of(VOID, LONG, FLOAT));
      case BF16 -> c.invokestatic(desc(HostArray.class), "toBf16", MethodTypeDesc.of(ConstantDescs.CD_short, FLOAT))
          .invokestatic(MEMORY, "setShort", MethodTypeDesc.of(VOID, LONG, ConstantDescs.CD_short));
      case I32 -> c.invokestatic(MEMORY, "setInt", MethodTypeDesc.of(VOID, LONG, INT));
      case U8, BOOL -> c.i2b().invokestatic(MEMORY, "setByte", MethodTypeDesc.of(VOID, LONG, ConstantDescs.CD_byte));
      case F64 -> throw new IllegalArgumentException("cpu has no F64");
    }
  }

  @Override
  void instruction(int register, Instruction i) {
    if (i.op() == Opcode.WHERE) {
      get(c, register(i.a()), Kind.BOOL);
      c.ifThenElse(java.lang.classfile.Opcode.IFNE, t -> get(t, register(i.b()), i.kind()),
          e -> get(e, register(i.c()), i.kind()));
      set(register, i.kind());
      return;
    }
    Kind read = program.code().get(i.a()).kind();
    get(c, register(i.a()), read);
    if (i.op().arity() > 1) {
      get(c, register(i.b()), read);
    }
    if (read == Kind.FLOAT) {
      ofFloats(i);
    } else {
      ofInts(i);
    }
    set(register, i.kind());
  }

  private void ofFloats(Instruction i) {
    switch (i.op()) {
      case ADD -> c.fadd();
      case SUB -> c.fsub();
      case MUL -> c.fmul();
      case DIV -> c.fdiv();
      case NEG -> c.fneg();
      case MAX, MIN -> c.invokestatic(MATH, name(i), MethodTypeDesc.of(FLOAT, FLOAT, FLOAT));
      case ABS -> c.invokestatic(MATH, name(i), MethodTypeDesc.of(FLOAT, FLOAT));
      // The comparison that makes NaN the answer "no".
      case LESS -> truth(c.fcmpg(), java.lang.classfile.Opcode.IFLT);
      case EQUAL -> truth(c.fcmpl(), java.lang.classfile.Opcode.IFEQ);
      case POW -> c.invokestatic(SCALAR_MATH, name(i), MethodTypeDesc.of(FLOAT, FLOAT, FLOAT));
      case FLOOR, SQRT, EXP, LOG, EXPM1, LOG1P, TANH, SIGMOID, ERF, SIN, COS ->
          c.invokestatic(SCALAR_MATH, name(i), MethodTypeDesc.of(FLOAT, FLOAT));
      case TO_INT -> c.f2i();
      default -> throw new IllegalStateException(i + " in a loop");
    }
  }

  private void ofInts(Instruction i) {
    switch (i.op()) {
      case ADD -> c.iadd();
      case SUB -> c.isub();
      case MUL -> c.imul();
      case NEG -> c.ineg();
      case MAX, MIN -> c.invokestatic(MATH, name(i), MethodTypeDesc.of(INT, INT, INT));
      case ABS -> c.invokestatic(MATH, name(i), MethodTypeDesc.of(INT, INT));
      case LESS -> truth(c, java.lang.classfile.Opcode.IF_ICMPLT);
      case EQUAL -> truth(c, java.lang.classfile.Opcode.IF_ICMPEQ);
      case TO_FLOAT -> c.i2f();
      // A BOOL register is the int already.
      case TO_INT -> {}
      default -> throw new IllegalStateException(i + " in a loop");
    }
  }

  private static String name(Instruction i) {
    return i.op().name().toLowerCase(Locale.ROOT);
  }

  /** Pushes 1 if {@code branch} would be taken, else 0. */
  private static void truth(CodeBuilder c, java.lang.classfile.Opcode branch) {
    c.ifThenElse(branch, t -> t.iconst_1(), e -> e.iconst_0());
  }

  private static void get(CodeBuilder c, int register, Kind kind) {
    if (kind == Kind.FLOAT) {
      c.fload(register);
    } else {
      c.iload(register);
    }
  }

  private void set(int register, Kind kind) {
    if (kind == Kind.FLOAT) {
      c.fstore(register);
    } else {
      c.istore(register);
    }
  }
}
