package dev.tandem.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tandem.core.backend.Backend;
import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.Operand;
import dev.tandem.core.backend.Replay;
import dev.tandem.core.op.MatMul;
import dev.tandem.core.op.Op;
import dev.tandem.core.op.Pointwise;
import dev.tandem.core.pointwise.Expr;
import dev.tandem.core.pointwise.Launch;
import dev.tandem.core.pointwise.Program;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.shape.Layout;
import dev.tandem.core.shape.Shape;
import java.lang.classfile.ClassFile;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** What the checked mode refuses, and that it changes no result. */
class CheckedModeTest {
  private static final int SEED = 7;
  private static final Op ADD =
      new Pointwise("Add", Program.of(2, Expr.input(0).add(Expr.input(1))), List.of(DType.F32), Launch.NONE);

  private static List<Operand> zeros(Backend b, int n) {
    return List.of(HostRun.operand(b, HostArray.zeros(DType.F32, n)),
        HostRun.operand(b, HostArray.zeros(DType.F32, n)));
  }

  /** Calls a method of a class that has checks in it. */
  private static Object callChecked(Class<?> kernel, String name, Object... arguments) throws Throwable {
    Method m = Arrays.stream(CheckedKernels.twin(kernel).getDeclaredMethods()).filter(d -> d.getName().equals(name))
        .findFirst().orElseThrow();
    m.setAccessible(true);
    try {
      return m.invoke(null, arguments);
    } catch (InvocationTargetException e) {
      throw e.getCause();
    }
  }

  @Test
  void aPropertyChoosesTheMode() {
    try (Backend chosen = new CpuBackend(1); Backend checked = new CpuBackend(1, true)) {
      assertThat(chosen.describe().endsWith(", every memory access checked"))
          .isEqualTo(Boolean.getBoolean("tandem.cpu.checked"));
      assertThat(checked.describe()).endsWith(", every memory access checked");
    }
  }

  @Test
  void resultsAreThoseOfTheFastModeToTheBit() {
    var random = new Random(SEED);
    HostArray a = HostRun.normal(random, 1, 37, 53);
    HostArray w = HostRun.normal(random, 1, 53, 29);
    try (Backend fast = new CpuBackend(2, false); Backend checked = new CpuBackend(2, true)) {
      List<HostArray> results = List.of(fast, checked).stream().map(b -> HostRun.read(b, HostRun
          .run(b, new MatMul(false), List.of(HostRun.operand(b, a), HostRun.operand(b, w))).getFirst())).toList();
      HostRun.assertSame("product, seed " + SEED, List.of(results.get(1)), List.of(results.get(0)));
    }
  }

  @Test
  void memoryFreedBehindAReplayIsRefusedByKernelPlaceAndOperation() {
    try (Backend b = new CpuBackend(1, true)) {
      List<Operand> in = zeros(b, 100);
      Operand out = HostRun.operand(b, HostArray.zeros(DType.F32, 100));
      Replay replay = b.prepare(List.of(new Call(ADD, in, List.of(out), null)));
      replay.run();
      in.get(1).storage().release().run();
      assertThatThrownBy(replay::run).isInstanceOf(IndexOutOfBoundsException.class)
          .hasMessageStartingWith("Add of [F32[100]")
          .hasMessageContaining("Loop/").hasMessageContaining(".run reads ")
          .hasMessageContaining("byte 0 of storage of 100 F32")
          .hasMessageEndingWith("which was freed");
    }
  }

  @Test
  void kernelsMayTouchNoMemoryButTheirOperations() {
    MemorySegment own = Arena.global().allocate(64, 64);
    assertThatThrownBy(() -> callChecked(Memory.class, "getFloat", own.address()))
        .isInstanceOf(IndexOutOfBoundsException.class).hasMessageContaining("reads 4 bytes at 0x");
    assertThatThrownBy(() -> callChecked(Memory.class, "getFloats", own.address(), new float[8], 2, 3))
        .isInstanceOf(IndexOutOfBoundsException.class).hasMessageContaining("reads 12 bytes at 0x");
    assertThatThrownBy(() -> callChecked(Memory.class, "setFloats", own.address(), new float[8], 2, 3))
        .isInstanceOf(IndexOutOfBoundsException.class).hasMessageContaining("writes 12 bytes at 0x");
  }

  @Test
  void anOperationMayTouchItsOperandsAndReadAVectorBeyond() {
    var a = new Allocation(Arena.global().allocate(256, 64), 200, Allocation.Use.STORAGE, "a storage");
    assertThat(a.allows(a.address(), 4, false)).as("read of what is no operand").isFalse();
    Object input = a.open(a.address() + 40, a.address() + 80, false);
    assertThat(a.allows(a.address() + 40, 40, false)).as("read of an input").isTrue();
    assertThat(a.allows(a.address() + 76, 64, false)).as("read of a vector at the last element").isTrue();
    // Without vectors, four numbers are read one by one.
    int behind = Lanes.AVAILABLE ? 80 : 92;
    assertThat(a.allows(a.address() + behind, 4, false)).as("read behind the input").isFalse();
    assertThat(a.allows(a.address() + 36, 8, false)).as("read from before the input on").isFalse();
    assertThat(a.allows(a.address() + 40, 4, true)).as("write to an input").isFalse();
    Object output = a.open(a.address() + 160, a.address() + 200, true);
    assertThat(a.allows(a.address() + 160, 40, true)).as("write to an output").isTrue();
    assertThat(a.allows(a.address() + 164, 40, true)).as("write across the end of an output").isFalse();
    assertThat(a.refusal(a.address() + 164, 40, true)).isEqualTo("byte 164 of a storage (200 bytes), across its end");
    a.close(input);
    assertThat(a.allows(a.address() + 40, 40, false)).as("read after the operation").isFalse();
    assertThat(a.allows(a.address() + 160, 40, true)).as("write to what is still open").isTrue();
    a.close(output);
  }

  @Test
  void freedMemoryAndMarginsHoldNaN() {
    MemorySegment memory = Arena.global().allocate(128, 64);
    var a = new Allocation(memory, 64, Allocation.Use.KERNEL, "a workspace");
    assertThat(Memory.getFloat(a.address())).isZero();
    assertThat(Memory.getFloat(a.address() + 64)).isNaN();
    a.free();
    assertThat(Memory.getFloat(a.address())).isNaN();
    assertThat(a.allows(a.address(), 4, false)).isFalse();
  }

  @Test
  void aKernelCannotReachMemoryInAWayThatIsNotChecked() {
    ClassDesc segment = MemorySegment.class.describeConstable().orElseThrow();
    byte[] kernel = ClassFile.of().build(ClassDesc.of("dev.tandem.cpu.NewKernel"),
        k -> k.withMethodBody("run", ConstantDescs.MTD_void, ClassFile.ACC_STATIC,
            c -> c.getstatic(ClassDesc.of("dev.tandem.cpu.Memory"), "ALL", segment)
                .invokeinterface(segment, "asByteBuffer",
                    MethodTypeDesc.ofDescriptor("()Ljava/nio/ByteBuffer;"))
                .pop().return_()));
    assertThatThrownBy(() -> CheckedCode.of(kernel)).isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("NewKernel calls MemorySegment.asByteBuffer");
  }

  @Test
  void operandsAreHeldAgainstTheirMemoryOnceAnOperationInEveryMode() {
    for (boolean checked : new boolean[] {false, true}) {
      try (Backend b = new CpuBackend(1, checked)) {
        List<Operand> in = zeros(b, 10);
        Operand out = HostRun.operand(b, HostArray.zeros(DType.F32, 10));
        Operand late = new Operand(out.storage(), Layout.of(Shape.of(10), new long[] {1}, 1));
        assertThatThrownBy(() -> b.execute(new Call(ADD, in, List.of(late), null)))
            .hasMessageContaining("reaches beyond its storage of 10 elements");
        assertThatThrownBy(() -> b.read(out.storage(), 8, HostArray.zeros(DType.F32, 3).data()))
            .isInstanceOf(IndexOutOfBoundsException.class);
        in.getFirst().storage().release().run();
        if (!checked) {
          assertThatThrownBy(() -> b.execute(new Call(ADD, in, List.of(out), null)))
              .hasMessageContaining("is in memory that was released");
        }
      }
    }
  }
}
