package dev.tandem.cpu;

import dev.tandem.cpu.TileKernel.Layout;
import java.lang.classfile.ClassFile;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;
import java.lang.classfile.TypeKind;
import java.lang.classfile.constantpool.ConstantPoolBuilder;
import java.lang.classfile.constantpool.FieldRefEntry;
import java.lang.classfile.constantpool.InterfaceMethodRefEntry;
import java.lang.classfile.constantpool.LongEntry;
import java.lang.classfile.constantpool.MethodRefEntry;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.Vector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Writes {@link TileKernel}s as hidden classes, one for each tile size and layout of A, fitted to the vectors of this
 * machine. For 8 x 2 vectors of 512 bits the method is, in effect,
 *
 * {@snippet :
 * FloatVector s00 = zero, s01 = zero, ... s71 = zero;   // a local for each accumulator, so that all stay in registers
 * long row0 = a & MASK, ... row7 = (a + 7 * aRow) & MASK;   // masked: no range check is left
 * for (int p = 0; p < inner; p++) {
 *   FloatVector b0 = load(b), b1 = load(b + 64);
 *   long at = offsets[p] & 0x7fffffff;                  // masked for the same reason, and part of the load's address
 *   FloatVector x = broadcast(load(row0 + at));
 *   s00 = x.fma(b0, s00); s01 = x.fma(b1, s01);
 *   ...
 * }
 * }
 *
 * <p>One loop, not two: C2 moves every accumulator around an inner loop, and what is left of a range check it takes out of a loop at
 * some hundred instructions a call (measured for a convolution of 1 to 32 channels, 5 x 5: 410 µs with a loop over the rows of
 * taps around one over the numbers of a row, 210 so).
 *
 * <p>Measured with 512-bit vectors on one core of a Zen 5: 262 to 278 GFLOP/s of 265. The kernels take no
 * {@code VectorMask}: large unrolled kernels with masks exhaust the registers of C1 and then ran at a fraction of the
 * speed in 5 of 8 launches.
 */
final class TileGenerator {
  private static final ClassDesc MEMORY = Memory.class.describeConstable().orElseThrow();
  private static final ClassDesc LANES = FloatLanes.class.describeConstable().orElseThrow();
  private static final ClassDesc FLOAT_VECTOR = FloatVector.class.describeConstable().orElseThrow();
  private static final ClassDesc VECTOR = Vector.class.describeConstable().orElseThrow();
  private static final ClassDesc SPECIES = VectorSpecies.class.describeConstable().orElseThrow();
  private static final ClassDesc SEGMENT = MemorySegment.class.describeConstable().orElseThrow();
  private static final ClassDesc ORDER = ByteOrder.class.describeConstable().orElseThrow();
  private static final ClassDesc OF_FLOAT = ValueLayout.OfFloat.class.describeConstable().orElseThrow();
  private static final ClassDesc OF_INT = ValueLayout.OfInt.class.describeConstable().orElseThrow();
  private static final ClassDesc FLOAT = ConstantDescs.CD_float;
  private static final ClassDesc INT = ConstantDescs.CD_int;
  private static final ClassDesc LONG = ConstantDescs.CD_long;
  private static final ClassDesc VOID = ConstantDescs.CD_void;
  private static final MethodTypeDesc RUN =
      MethodTypeDesc.of(VOID, INT, INT, LONG, LONG, LONG, LONG, LONG, LONG, LONG, LONG, LONG);

  /** Distances that a row tile adds to an address are ints of 31 bits: C2 then leaves the addition to the load. */
  private static final long OFFSETS = Integer.MAX_VALUE;

  // Local slots of the parameters of TileKernel.run; a long takes two.
  private static final int OUTER = 1;
  private static final int INNER = 2;
  private static final int A = 3;
  private static final int A_ROW = 5;
  private static final int A_INNER = 7;
  private static final int A_OUTER = 9;
  private static final int B = 11;
  private static final int B_INNER = 13;
  private static final int B_OUTER = 15;
  private static final int C = 17;
  private static final int C_ROW = 19;

  private final CodeBuilder x;
  private final Frames frames;
  private final int rows;
  private final int vectors;
  private final Layout layout;
  private final boolean adds;
  // Looked up once: a kernel has hundreds of calls, and a lookup by name builds strings.
  private final FieldRefEntry all;
  private final FieldRefEntry f32;
  private final FieldRefEntry i32;
  private final FieldRefEntry species;
  private final FieldRefEntry order;
  private final InterfaceMethodRefEntry get;
  private final InterfaceMethodRefEntry getInt;
  private final MethodRefEntry broadcast;
  private final MethodRefEntry load;
  private final MethodRefEntry store;
  private final MethodRefEntry fma;
  private final MethodRefEntry add;
  private final LongEntry mask;

  private TileGenerator(CodeBuilder x, ClassDesc name, int rows, int vectors, Layout layout, boolean adds) {
    this.x = x;
    this.rows = rows;
    this.vectors = vectors;
    this.layout = layout;
    this.adds = adds;
    frames = new Frames(x, name, RUN);
    ConstantPoolBuilder pool = x.constantPool();
    all = pool.fieldRefEntry(MEMORY, "ALL", SEGMENT);
    f32 = pool.fieldRefEntry(MEMORY, "F32", OF_FLOAT);
    i32 = pool.fieldRefEntry(MEMORY, "I32", OF_INT);
    species = pool.fieldRefEntry(LANES, "SPECIES", SPECIES);
    order = pool.fieldRefEntry(LANES, "ORDER", ORDER);
    get = pool.interfaceMethodRefEntry(SEGMENT, "get", MethodTypeDesc.of(FLOAT, OF_FLOAT, LONG));
    getInt = pool.interfaceMethodRefEntry(SEGMENT, "get", MethodTypeDesc.of(INT, OF_INT, LONG));
    broadcast = pool.methodRefEntry(FLOAT_VECTOR, "broadcast", MethodTypeDesc.of(FLOAT_VECTOR, SPECIES, FLOAT));
    load = pool.methodRefEntry(FLOAT_VECTOR, "fromMemorySegment",
        MethodTypeDesc.of(FLOAT_VECTOR, SPECIES, SEGMENT, LONG, ORDER));
    store =
        pool.methodRefEntry(FLOAT_VECTOR, "intoMemorySegment", MethodTypeDesc.of(VOID, SEGMENT, LONG, ORDER));
    fma = pool.methodRefEntry(FLOAT_VECTOR, "fma", MethodTypeDesc.of(FLOAT_VECTOR, VECTOR, VECTOR));
    add = pool.methodRefEntry(FLOAT_VECTOR, "add", MethodTypeDesc.of(FLOAT_VECTOR, VECTOR));
    mask = pool.longEntry(Memory.MASK);
  }

  /** @param adds to C, rather than write it */
  static TileKernel generate(int rows, int vectors, Layout layout, boolean adds) {
    ClassDesc name =
        ClassDesc.of(TileGenerator.class.getPackageName(),
            (adds ? "Adding" : "") + layout.label() + "Tile" + rows + "x" + vectors);
    byte[] bytes = Frames.GIVEN.build(name, k -> k.withFlags(ClassFile.ACC_FINAL)
        .withInterfaceSymbols(TileKernel.class.describeConstable().orElseThrow())
        .withMethodBody(ConstantDescs.INIT_NAME, ConstantDescs.MTD_void, 0,
            c -> c.aload(0).invokespecial(ConstantDescs.CD_Object, ConstantDescs.INIT_NAME, ConstantDescs.MTD_void)
                .return_())
        .withMethodBody("run", RUN, ClassFile.ACC_PUBLIC,
            c -> new TileGenerator(c, name, rows, vectors, layout, adds).run()));
    try {
      MethodHandles.Lookup made = MethodHandles.lookup().defineHiddenClass(bytes, true);
      return (TileKernel) made.findConstructor(made.lookupClass(), MethodType.methodType(void.class)).invoke();
    } catch (Throwable t) {
      throw new IllegalStateException("the generated kernel " + name.displayName() + " does not load", t);
    }
  }

  private void run() {
    Label work = x.newLabel();
    Label count = x.newLabel();
    // The idle loop: up to 0 if outer is less.
    x.iload(OUTER).ifge(work);
    frames.bind(count);
    x.iinc(OUTER, 1).iload(OUTER).iflt(count).return_();
    frames.bind(work);
    int[] sums = locals(rows * vectors, TypeKind.REFERENCE);
    x.getstatic(species);
    x.invokestatic(FLOAT_VECTOR, "zero", MethodTypeDesc.of(FLOAT_VECTOR, SPECIES)).astore(sums[0]);
    for (int s = 1; s < sums.length; s++) {
      x.aload(sums[0]).astore(sums[s]);
    }
    hold(FLOAT_VECTOR, sums);
    if (layout == Layout.COLUMNS) {
      outer(sums);
    } else {
      inner(sums);
    }
    store(sums);
    x.return_();
    frames.end();
  }

  private void outer(int[] sums) {
    int o = x.allocateLocal(TypeKind.INT);
    Label outer = x.newLabel();
    Label done = x.newLabel();
    x.iconst_0().istore(o);
    hold(INT, o);
    var inOuter = frames.now();
    frames.bind(outer);
    x.iload(o).iload(OUTER).if_icmpge(done);
    inner(sums);
    x.lload(A).lload(A_OUTER).ladd().lstore(A).lload(B).lload(B_OUTER).ladd().lstore(B);
    x.iinc(o, 1).goto_(outer);
    frames.back(inOuter);
    frames.bind(done);
  }

  private void inner(int[] sums) {
    int pa = x.allocateLocal(TypeKind.LONG);
    int pb = x.allocateLocal(TypeKind.LONG);
    int[] rowAddresses = locals(layout == Layout.COLUMNS ? 0 : rows, TypeKind.LONG);
    switch (layout) {
      case COLUMNS -> x.lload(A).lstore(pa);
      case OFFSETS -> {
        x.lload(A_INNER);
        mask();
        x.lstore(pa);
      }
      case ROWS -> x.lconst_0().lstore(pa);
    }
    x.lload(B).lstore(pb);
    for (int i = 0; i < rowAddresses.length; i++) {
      rowAddress(A, A_ROW, i, rowAddresses[i]);
    }
    hold(LONG, pa, pb);
    hold(LONG, rowAddresses);
    // C2 unrolls a counted loop. That gains with the 32 registers of AVX-512; with the 16 of AVX2 it spills
    // accumulators (4 x 2 vectors: 48 to 60 GFLOP/s instead of 118 to 125). Steps of 4 and the test for equality make
    // the loop one that C2 does not count.
    boolean counted = FloatLanes.COUNT == 16;
    int p = x.allocateLocal(counted ? TypeKind.INT : TypeKind.LONG);
    Label loop = x.newLabel();
    Label end = x.newLabel();
    if (counted) {
      x.iconst_0().istore(p);
      hold(INT, p);
      frames.bind(loop);
      x.iload(p).iload(INNER).if_icmpge(end);
    } else {
      int bytes = x.allocateLocal(TypeKind.LONG);
      x.iload(INNER).i2l().loadConstant(4L).lmul().lstore(bytes);
      x.lconst_0().lstore(p);
      hold(LONG, bytes, p);
      frames.bind(loop);
      x.lload(p).lload(bytes).lcmp().ifeq(end);
    }
    var inLoop = frames.now();
    step(sums, pa, pb, rowAddresses, () -> {
      if (layout == Layout.OFFSETS) {
        x.getstatic(all).getstatic(i32).lload(pa);
      }
      if (counted) {
        x.iload(p).i2l().loadConstant(4L).lmul();
      } else {
        x.lload(p);
      }
      x.loadConstant(OFFSETS).land();
      if (layout == Layout.OFFSETS) {
        x.ladd().invokeinterface(getInt).i2l().loadConstant(OFFSETS).land();
      }
    });
    x.lload(pb).lload(B_INNER).ladd().lstore(pb);
    if (layout == Layout.COLUMNS) {
      x.lload(pa).lload(A_INNER).ladd().lstore(pa);
    }
    if (counted) {
      x.iinc(p, 1);
    } else {
      x.lload(p).loadConstant(4L).ladd().lstore(p);
    }
    x.goto_(loop);
    frames.back(inLoop);
    frames.bind(end);
  }

  /** One p: every number of a column of A times the vectors of a row of B. */
  private void step(int[] sums, int pa, int pb, int[] rowAddresses, Runnable offset) {
    int address = x.allocateLocal(TypeKind.LONG);
    int number = x.allocateLocal(TypeKind.REFERENCE);
    int[] b = locals(vectors, TypeKind.REFERENCE);
    x.lload(pb);
    mask();
    x.lstore(address);
    for (int j = 0; j < vectors; j++) {
      load(address, j);
      x.astore(b[j]);
    }
    if (layout == Layout.COLUMNS) {
      x.lload(pa);
      mask();
    } else {
      offset.run();
    }
    x.lstore(address);
    for (int i = 0; i < rows; i++) {
      x.getstatic(species).getstatic(all).getstatic(f32).lload(address);
      if (layout == Layout.COLUMNS) {
        x.loadConstant(4L * i);
      } else {
        x.lload(rowAddresses[i]);
      }
      x.ladd().invokeinterface(get).invokestatic(broadcast).astore(number);
      for (int j = 0; j < vectors; j++) {
        int s = sums[i * vectors + j];
        x.aload(number).aload(b[j]).aload(s).invokevirtual(fma).astore(s);
      }
    }
  }

  /** Two kinds of kernels, rather than a parameter: of a branch C2 would compile the one case seen so far. */
  private void store(int[] sums) {
    int address = x.allocateLocal(TypeKind.LONG);
    for (int i = 0; i < rows; i++) {
      rowAddress(C, C_ROW, i, address);
      for (int j = 0; j < vectors; j++) {
        if (adds) {
          // C2 knows the class of a vector just loaded, so that it need not have seen it to inline the addition.
          load(address, j);
          x.aload(sums[i * vectors + j]).invokevirtual(add).getstatic(all);
        } else {
          x.aload(sums[i * vectors + j]).getstatic(all);
        }
        vectorAddress(address, j);
        x.getstatic(order).invokevirtual(store);
      }
    }
  }

  private int[] locals(int count, TypeKind kind) {
    int[] slots = new int[count];
    for (int i = 0; i < count; i++) {
      slots[i] = x.allocateLocal(kind);
    }
    return slots;
  }

  /** Locals that have been given their first value. */
  private void hold(ClassDesc type, int... slots) {
    for (int s : slots) {
      frames.local(s, type);
    }
  }

  private void mask() {
    x.ldc(mask).land();
  }

  private void rowAddress(int base, int stride, int row, int to) {
    x.lload(base).lload(stride).loadConstant((long) row).lmul().ladd();
    mask();
    x.lstore(to);
  }

  private void vectorAddress(int base, int vector) {
    x.lload(base).loadConstant(4L * FloatLanes.COUNT * vector).ladd();
  }

  private void load(int base, int vector) {
    x.getstatic(species).getstatic(all);
    vectorAddress(base, vector);
    x.getstatic(order).invokestatic(load);
  }
}
