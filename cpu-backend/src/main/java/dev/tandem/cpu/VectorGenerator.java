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
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Locale;

/**
 * One vector of the Vector API a turn. FLOAT and INT registers are vectors, BOOL registers masks of floats. Calls of the API are
 * emitted directly, since those C2 inlines at any size.
 */
final class VectorGenerator extends PointwiseGenerator {
  static final ClassDesc VECTOR_MATH = ClassDesc.of(VectorGenerator.class.getPackageName(), "VectorMath");
  private static final ClassDesc LANES = ClassDesc.of(VectorGenerator.class.getPackageName(), "FloatLanes");
  private static final ClassDesc NARROW = ClassDesc.of(VectorGenerator.class.getPackageName(), "NarrowLanes");
  private static final ClassDesc FLOATS = incubator("FloatVector");
  private static final ClassDesc INTS = incubator("IntVector");
  private static final ClassDesc SHORTS = incubator("ShortVector");
  private static final ClassDesc BYTES = incubator("ByteVector");
  private static final ClassDesc VECTOR = incubator("Vector");
  private static final ClassDesc MASK = incubator("VectorMask");
  private static final ClassDesc SPECIES = incubator("VectorSpecies");
  private static final ClassDesc OPERATORS = incubator("VectorOperators");
  private static final ClassDesc BINARY_OPERATOR = incubator("VectorOperators$Binary");
  private static final ClassDesc CONVERSION = incubator("VectorOperators$Conversion");
  private static final ClassDesc SEGMENT = desc(MemorySegment.class);
  private static final ClassDesc OF_FLOAT = desc(ValueLayout.OfFloat.class);
  private static final ClassDesc ORDER = desc(ByteOrder.class);
  private static final ClassDesc FLOAT = ConstantDescs.CD_float;
  private static final ClassDesc INT = ConstantDescs.CD_int;
  private static final ClassDesc LONG = ConstantDescs.CD_long;
  private static final MethodTypeDesc MASKS = MethodTypeDesc.of(MASK, MASK);

  VectorGenerator(CodeBuilder c, Program program, List<Access> operands) {
    super(c, program, operands);
  }

  private static ClassDesc incubator(String name) {
    return ClassDesc.of("jdk.incubator.vector", name);
  }

  /**
   * Whether all operands are dense or repeated and all functions have a vector form; types of less than 32 bits need vectors of as
   * many lanes as there are floats in one.
   */
  static boolean supports(Program program, List<Access> operands) {
    for (Access a : operands) {
      if (a.step() == Access.Step.OTHER || a.dtype() == DType.F64
          || a.dtype().bytes() < Float.BYTES && !FloatLanes.HAS_NARROW) {
        return false;
      }
    }
    for (Instruction i : program.code()) {
      if (i.op() == Opcode.POW || i.op() == Opcode.SIN || i.op() == Opcode.COS || i.op() == Opcode.RANDOM) {
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
    species(i.kind());
    if (i.op() == Opcode.CONST) {
      c.loadConstant(i.value());
    } else {
      argument(i.index());
    }
    switch (i.kind()) {
      case FLOAT -> broadcast(Kind.FLOAT, c.d2f());
      case INT -> broadcast(Kind.INT, c.d2i());
      // dcmpl gives -1, 0 or 1; the lowest bit says whether the number is not 0.
      case BOOL -> maskAll(c.dconst_0().dcmpl().iconst_1().iand());
    }
    c.astore(register);
  }

  @Override
  ClassDesc type(Instruction i) {
    return switch (i.kind()) {
      case FLOAT -> FLOATS;
      case INT -> INTS;
      case BOOL -> MASK;
    };
  }

  /** Pushes the species of a register. */
  private CodeBuilder species(Kind kind) {
    return c.getstatic(LANES, kind == Kind.INT ? "INTS" : "SPECIES", SPECIES);
  }

  /** From a species and a number to the vector of a register. */
  private static CodeBuilder broadcast(Kind kind, CodeBuilder c) {
    return kind == Kind.INT
        ? c.invokestatic(INTS, "broadcast", MethodTypeDesc.of(INTS, SPECIES, INT))
        : c.invokestatic(FLOATS, "broadcast", MethodTypeDesc.of(FLOATS, SPECIES, FLOAT));
  }

  private static CodeBuilder maskAll(CodeBuilder c) {
    return c.invokeinterface(SPECIES, "maskAll", MethodTypeDesc.of(MASK, ConstantDescs.CD_boolean));
  }

  @Override
  void load(int register, int k) {
    if (operand(k).step() == Access.Step.ZERO) {
      species(operand(k).dtype().kind());
      if (operand(k).dtype() == DType.F32) {
        // Not by a method of ours, which C2 may leave as a call, with every vector saved before it.
        c.getstatic(MEMORY, "ALL", SEGMENT).getstatic(MEMORY, "F32", OF_FLOAT);
        address(k);
        c.loadConstant(Memory.MASK).land();
      } else {
        address(k);
      }
      repeated(operand(k).dtype());
    } else {
      dense(k);
    }
    c.astore(register);
  }

  private void repeated(DType dtype) {
    switch (dtype) {
      case F32 -> broadcast(Kind.FLOAT, c.invokeinterface(SEGMENT, "get", MethodTypeDesc.of(FLOAT, OF_FLOAT, LONG)));
      case BF16 -> broadcast(Kind.FLOAT,
          c.invokestatic(MEMORY, "getShort", MethodTypeDesc.of(ConstantDescs.CD_short, LONG)).bipush(16).ishl()
              .invokestatic(ConstantDescs.CD_Float, "intBitsToFloat", MethodTypeDesc.of(FLOAT, INT)));
      case I32 -> broadcast(Kind.INT, c.invokestatic(MEMORY, "getInt", MethodTypeDesc.of(INT, LONG)));
      case U8 -> broadcast(Kind.INT,
          c.invokestatic(MEMORY, "getByte", MethodTypeDesc.of(ConstantDescs.CD_byte, LONG)).sipush(0xFF).iand());
      case BOOL -> maskAll(c.invokestatic(MEMORY, "getByte", MethodTypeDesc.of(ConstantDescs.CD_byte, LONG)));
      case F64 -> throw new IllegalArgumentException("cpu has no F64");
    }
  }

  private void dense(int k) {
    switch (operand(k).dtype()) {
      case F32 -> read(FLOATS, LANES, "SPECIES", k);
      case I32 -> read(INTS, LANES, "INTS", k);
      case BF16 -> {
        read(SHORTS, NARROW, "SHORTS", k);
        convert("ZERO_EXTEND_S2I", Kind.INT);
        shift("LSHL", 16).invokevirtual(INTS, "reinterpretAsFloats", MethodTypeDesc.of(FLOATS));
      }
      case U8 -> bytes(k);
      case BOOL -> {
        bytes(k);
        ints(0);
        c.invokevirtual(INTS, "eq", MethodTypeDesc.of(MASK, VECTOR))
            .invokevirtual(MASK, "not", MethodTypeDesc.of(MASK));
        castMask(Kind.FLOAT);
      }
      case F64 -> throw new IllegalArgumentException("cpu has no F64");
    }
  }

  private void bytes(int k) {
    read(BYTES, NARROW, "BYTES", k);
    convert("ZERO_EXTEND_B2I", Kind.INT);
  }

  private void read(ClassDesc vector, ClassDesc lanes, String species, int k) {
    c.getstatic(lanes, species, SPECIES);
    place(k);
    c.invokestatic(vector, "fromMemorySegment", MethodTypeDesc.of(vector, SPECIES, SEGMENT, LONG, ORDER));
  }

  /** Converts the vector on the stack to one of a register. */
  private void convert(String conversion, Kind to) {
    c.getstatic(OPERATORS, conversion, CONVERSION);
    species(to);
    convertShape(to == Kind.INT ? INTS : FLOATS);
  }

  private void convertShape(ClassDesc to) {
    c.iconst_0().invokevirtual(VECTOR, "convertShape", MethodTypeDesc.of(VECTOR, CONVERSION, SPECIES, INT))
        .checkcast(to);
  }

  /** Shifts the ints on the stack. */
  private CodeBuilder shift(String operator, int bits) {
    return c.getstatic(OPERATORS, operator, BINARY_OPERATOR).loadConstant(bits)
        .invokevirtual(INTS, "lanewise", MethodTypeDesc.of(INTS, BINARY_OPERATOR, INT));
  }

  /** Of the ints on the stack and a number. */
  private CodeBuilder with(String operation, int number) {
    return c.loadConstant(number).invokevirtual(INTS, operation, MethodTypeDesc.of(INTS, INT));
  }

  private CodeBuilder ints(int number) {
    return broadcast(Kind.INT, species(Kind.INT).loadConstant(number));
  }

  /** Masks know whether they are of floats or ints, though their lanes are the same. */
  private void castMask(Kind to) {
    species(to);
    c.invokevirtual(MASK, "cast", MethodTypeDesc.of(MASK, SPECIES));
  }

  /** The mask in a register as ints 1 and 0. */
  private void oneOrZero(int register) {
    ints(0);
    ints(1);
    c.aload(register);
    castMask(Kind.INT);
    c.invokevirtual(INTS, "blend", MethodTypeDesc.of(INTS, VECTOR, MASK));
  }

  @Override
  void store(int register, int k) {
    switch (operand(k).dtype()) {
      case F32 -> write(FLOATS, c.aload(register), k);
      case I32 -> write(INTS, c.aload(register), k);
      case BF16 -> {
        rounded(register);
        narrow("I2S", "SHORTS", SHORTS, k);
      }
      case U8 -> {
        c.aload(register);
        narrow("I2B", "BYTES", BYTES, k);
      }
      case BOOL -> {
        oneOrZero(register);
        narrow("I2B", "BYTES", BYTES, k);
      }
      case F64 -> throw new IllegalArgumentException("cpu has no F64");
    }
  }

  /** The upper half of floats as {@link dev.tandem.core.shape.HostArray#toBf16} rounds it, in ints. */
  private void rounded(int register) {
    MethodTypeDesc bits = MethodTypeDesc.of(INTS);
    MethodTypeDesc add = MethodTypeDesc.of(INTS, VECTOR);
    c.aload(register).invokevirtual(FLOATS, "reinterpretAsInts", bits);
    with("add", 0x7FFF);
    c.aload(register).invokevirtual(FLOATS, "reinterpretAsInts", bits);
    shift("LSHR", 16);
    with("and", 1).invokevirtual(INTS, "add", add);
    shift("LSHR", 16);
    c.aload(register).invokevirtual(FLOATS, "reinterpretAsInts", bits);
    shift("LSHR", 16);
    with("or", 0x40);
    c.aload(register).aload(register).invokevirtual(FLOATS, "eq", MethodTypeDesc.of(MASK, VECTOR))
        .invokevirtual(MASK, "not", MethodTypeDesc.of(MASK));
    castMask(Kind.INT);
    c.invokevirtual(INTS, "blend", MethodTypeDesc.of(INTS, VECTOR, MASK));
  }

  /** Stores ints in fewer bits. */
  private void narrow(String conversion, String species, ClassDesc vector, int k) {
    c.getstatic(OPERATORS, conversion, CONVERSION).getstatic(NARROW, species, SPECIES);
    convertShape(vector);
    write(vector, c, k);
  }

  private void write(ClassDesc vector, CodeBuilder pushed, int k) {
    place(k);
    pushed.invokevirtual(vector, "intoMemorySegment", MethodTypeDesc.of(ConstantDescs.CD_void, SEGMENT, LONG, ORDER));
  }

  /** Pushes segment, offset and byte order of the current element. */
  private void place(int k) {
    c.getstatic(MEMORY, "ALL", SEGMENT);
    address(k);
    c.getstatic(LANES, "ORDER", ORDER);
  }

  @Override
  void instruction(int register, Instruction i) {
    Kind read = program.code().get(i.a()).kind();
    ClassDesc vector = read == Kind.INT ? INTS : FLOATS;
    switch (i.op()) {
      case ADD, SUB, MUL, DIV, MAX, MIN ->
          get(i.a()).aload(register(i.b())).invokevirtual(vector, name(i), MethodTypeDesc.of(vector, VECTOR));
      case NEG, ABS, SQRT -> get(i.a()).invokevirtual(vector, name(i), MethodTypeDesc.of(vector));
      case FLOOR, EXP, LOG, EXPM1, LOG1P, TANH, SIGMOID, ERF ->
          VectorFunctions.emit(get(i.a()), name(i), register(program.code().size()));
      case LESS -> compare(i, read, "lt");
      case EQUAL -> {
        if (read == Kind.BOOL) {
          get(i.a()).aload(register(i.b()));
          mask("xor").invokevirtual(MASK, "not", MethodTypeDesc.of(MASK));
        } else {
          compare(i, read, "eq");
        }
      }
      case WHERE -> where(i);
      case TO_FLOAT -> {
        if (read == Kind.INT) {
          get(i.a());
          convert("I2F", Kind.FLOAT);
        } else {
          broadcast(Kind.FLOAT, species(Kind.FLOAT).fconst_0());
          broadcast(Kind.FLOAT, species(Kind.FLOAT).fconst_1());
          blend(i.a(), Kind.FLOAT);
        }
      }
      case TO_INT -> {
        if (read == Kind.FLOAT) {
          get(i.a());
          convert("F2I", Kind.INT);
        } else {
          oneOrZero(register(i.a()));
        }
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

  private void compare(Instruction i, Kind read, String comparison) {
    get(i.a()).aload(register(i.b()));
    if (read == Kind.INT) {
      c.invokevirtual(INTS, comparison, MethodTypeDesc.of(MASK, VECTOR));
      castMask(Kind.FLOAT);
    } else {
      c.invokevirtual(FLOATS, comparison, MethodTypeDesc.of(MASK, VECTOR));
    }
  }

  private void where(Instruction i) {
    if (i.kind() == Kind.BOOL) {
      // a ? b : c as (a and b) or (c and not a)
      get(i.a()).aload(register(i.b()));
      mask("and");
      get(i.c()).aload(register(i.a()));
      mask("andNot");
      mask("or");
    } else {
      get(i.c()).aload(register(i.b()));
      blend(i.a(), i.kind());
    }
  }

  /** Of two vectors on the stack the second where mask {@code n} is set. */
  private void blend(int n, Kind kind) {
    get(n);
    if (kind == Kind.INT) {
      castMask(Kind.INT);
      c.invokevirtual(INTS, "blend", MethodTypeDesc.of(INTS, VECTOR, MASK));
    } else {
      c.invokevirtual(FLOATS, "blend", MethodTypeDesc.of(FLOATS, VECTOR, MASK));
    }
  }

  private CodeBuilder mask(String operation) {
    return c.invokevirtual(MASK, operation, MASKS);
  }
}
