package dev.tandem.cpu;

import dev.tandem.core.pointwise.Opcode;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.pointwise.Program.Instruction;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.DType.Kind;
import java.lang.classfile.CodeBuilder;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Locale;

/**
 * One vector of the Vector API a turn. FLOAT registers are vectors, BOOL registers masks. Calls of the API are emitted directly,
 * since those C2 inlines at any size.
 */
final class VectorGenerator extends PointwiseGenerator {
  static final ClassDesc VECTOR_MATH = ClassDesc.of(VectorGenerator.class.getPackageName(), "VectorMath");
  private static final ClassDesc LANES = ClassDesc.of(VectorGenerator.class.getPackageName(), "FloatLanes");
  private static final ClassDesc FLOATS = incubator("FloatVector");
  private static final ClassDesc VECTOR = incubator("Vector");
  private static final ClassDesc MASK = incubator("VectorMask");
  private static final ClassDesc SPECIES = incubator("VectorSpecies");
  private static final ClassDesc SEGMENT = desc(MemorySegment.class);
  private static final ClassDesc ORDER = desc(ByteOrder.class);
  private static final MethodTypeDesc UNARY = MethodTypeDesc.of(FLOATS);
  private static final MethodTypeDesc BINARY = MethodTypeDesc.of(FLOATS, VECTOR);
  private static final MethodTypeDesc COMPARISON = MethodTypeDesc.of(MASK, VECTOR);
  private static final MethodTypeDesc MASKS = MethodTypeDesc.of(MASK, MASK);
  private static final MethodTypeDesc BLEND = MethodTypeDesc.of(FLOATS, VECTOR, MASK);

  VectorGenerator(CodeBuilder c, Program program, List<Access> operands) {
    super(c, program, operands);
  }

  private static ClassDesc incubator(String name) {
    return ClassDesc.of("jdk.incubator.vector", name);
  }

  /** Whether all is float arithmetic on dense or repeated F32 operands, with functions that have a vector form. */
  static boolean supports(Program program, List<Access> operands) {
    for (Access a : operands) {
      if (a.dtype() != DType.F32 || a.step() == Access.Step.OTHER) {
        return false;
      }
    }
    for (Instruction i : program.code()) {
      if (i.kind() == Kind.INT || i.op() == Opcode.POW || i.op() == Opcode.SIN || i.op() == Opcode.COS
          || i.op() == Opcode.RANDOM) {
        return false;
      }
    }
    return true;
  }

  @Override
  int width() {
    return FloatLanes.COUNT;
  }

  @Override
  void constant(int register, Instruction i) {
    if (i.kind() == Kind.BOOL) {
      species();
      number(i);
      c.dconst_0().dcmpl();
      // dcmpl gives -1, 0 or 1; the lowest bit says whether the number is not 0.
      c.iconst_1().iand();
      c.invokeinterface(SPECIES, "maskAll", MethodTypeDesc.of(MASK, ConstantDescs.CD_boolean)).astore(register);
    } else {
      species();
      number(i);
      c.d2f();
      broadcast().astore(register);
    }
  }

  private void number(Instruction i) {
    if (i.op() == Opcode.CONST) {
      c.loadConstant(i.value());
    } else {
      argument(i.index());
    }
  }

  private CodeBuilder species() {
    return c.getstatic(LANES, "SPECIES", SPECIES);
  }

  private CodeBuilder broadcast() {
    return c.invokestatic(FLOATS, "broadcast", MethodTypeDesc.of(FLOATS, SPECIES, ConstantDescs.CD_float));
  }

  @Override
  void load(int register, int k) {
    species();
    if (operand(k).step() == Access.Step.ZERO) {
      address(k);
      c.invokestatic(MEMORY, "getFloat", MethodTypeDesc.of(ConstantDescs.CD_float, ConstantDescs.CD_long));
      broadcast();
    } else {
      place(k);
      c.invokestatic(FLOATS, "fromMemorySegment",
          MethodTypeDesc.of(FLOATS, SPECIES, SEGMENT, ConstantDescs.CD_long, ORDER));
    }
    c.astore(register);
  }

  @Override
  void store(int register, int k) {
    c.aload(register);
    place(k);
    c.invokevirtual(FLOATS, "intoMemorySegment",
        MethodTypeDesc.of(ConstantDescs.CD_void, SEGMENT, ConstantDescs.CD_long, ORDER));
  }

  /** Pushes segment, offset and byte order of the current element. */
  private void place(int k) {
    c.getstatic(MEMORY, "ALL", SEGMENT);
    address(k);
    c.loadConstant(Memory.MASK).land().getstatic(LANES, "ORDER", ORDER);
  }

  @Override
  void instruction(int register, Instruction i) {
    switch (i.op()) {
      case ADD, SUB, MUL, DIV, MAX, MIN -> get(i.a()).aload(register(i.b())).invokevirtual(FLOATS, name(i), BINARY);
      case NEG, ABS, SQRT -> get(i.a()).invokevirtual(FLOATS, name(i), UNARY);
      case FLOOR, EXP, LOG, EXPM1, LOG1P, TANH, SIGMOID, ERF ->
          VectorFunctions.emit(get(i.a()), name(i), register(program.code().size()));
      case LESS -> get(i.a()).aload(register(i.b())).invokevirtual(FLOATS, "lt", COMPARISON);
      case EQUAL -> equal(i);
      case WHERE -> where(i);
      case TO_FLOAT -> {
        species().fconst_0();
        broadcast();
        species().fconst_1();
        broadcast().aload(register(i.a())).invokevirtual(FLOATS, "blend", BLEND);
      }
      default -> throw new IllegalStateException(i + " in a vector loop");
    }
    c.astore(register);
  }

  private static String name(Instruction i) {
    return i.op().name().toLowerCase(Locale.ROOT);
  }

  private CodeBuilder get(int n) {
    return c.aload(register(n));
  }

  private void equal(Instruction i) {
    get(i.a()).aload(register(i.b()));
    if (program.code().get(i.a()).kind() == Kind.FLOAT) {
      c.invokevirtual(FLOATS, "eq", COMPARISON);
    } else {
      mask("xor").invokevirtual(MASK, "not", MethodTypeDesc.of(MASK));
    }
  }

  private void where(Instruction i) {
    if (i.kind() == Kind.FLOAT) {
      get(i.c()).aload(register(i.b())).aload(register(i.a())).invokevirtual(FLOATS, "blend", BLEND);
    } else {
      // a ? b : c as (a and b) or (c and not a)
      get(i.a()).aload(register(i.b()));
      mask("and");
      get(i.c()).aload(register(i.a()));
      mask("andNot");
      mask("or");
    }
  }

  private CodeBuilder mask(String operation) {
    return c.invokevirtual(MASK, operation, MASKS);
  }
}
