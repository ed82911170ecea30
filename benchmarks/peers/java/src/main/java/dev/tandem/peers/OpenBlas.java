package dev.tandem.peers;

import dev.tandem.benchmarks.work.Side;
import dev.tandem.benchmarks.work.Task;
import dev.tandem.benchmarks.work.Work;
import dev.tandem.benchmarks.work.Work.MatMul;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.openblas.global.openblas_nolapack;
import org.jspecify.annotations.Nullable;

/** {@code cblas_sgemm}, called through java.lang.foreign on aligned native memory. */
public final class OpenBlas implements Side {
  private static final int ROW_MAJOR = 101;
  private static final int AS_IT_IS = 111;
  private static final int TRANSPOSED = 112;
  private static final int ALIGNMENT = 64;

  private @Nullable MethodHandle sgemm;
  private String configuration = "";

  @Override
  public String name() {
    return "openblas";
  }

  @Override
  public Map<String, String> versions() {
    return Map.of("openblas", configuration);
  }

  @Override
  public boolean supports(Work work, int threads) {
    return work instanceof MatMul;
  }

  @Override
  public Map<String, String> environment(int threads, boolean isAvx2) {
    return NativeEnvironment.of(threads, isAvx2);
  }

  @Override
  public void start(int threads) {
    // Unpacks and loads the library; symbols of what this class loader loaded can be looked up.
    Loader.load(openblas_nolapack.class);
    SymbolLookup library = SymbolLookup.loaderLookup();
    Linker linker = Linker.nativeLinker();
    sgemm = linker.downcallHandle(library.findOrThrow("cblas_sgemm"),
        FunctionDescriptor.ofVoid(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.JAVA_INT,
            ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.JAVA_FLOAT, ValueLayout.ADDRESS,
            ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_INT, ValueLayout.JAVA_FLOAT,
            ValueLayout.ADDRESS, ValueLayout.JAVA_INT));
    MethodHandle describe = linker.downcallHandle(library.findOrThrow("openblas_get_config"),
        FunctionDescriptor.of(ValueLayout.ADDRESS));
    try {
      configuration = ((MemorySegment) describe.invokeExact()).reinterpret(Integer.MAX_VALUE).getString(0).strip();
    } catch (Throwable e) {
      throw new IllegalStateException("OpenBLAS does not say which one it is", e);
    }
  }

  @Override
  public Task open(Work work) {
    if (!(work instanceof MatMul w)) {
      throw new IllegalArgumentException(name() + " has no " + work.name());
    }
    MethodHandle product = Objects.requireNonNull(sgemm, "not started");
    MemorySegment a = copy(w.a());
    MemorySegment b = copy(w.b());
    MemorySegment c = copy(new float[w.m() * w.n()]);
    int transposeA = w.transposedA() ? TRANSPOSED : AS_IT_IS;
    int transposeB = w.transposedB() ? TRANSPOSED : AS_IT_IS;
    int lda = w.transposedA() ? w.m() : w.k();
    int ldb = w.transposedB() ? w.k() : w.n();
    return new Task() {
      @Override
      public void run() {
        try {
          product.invokeExact(ROW_MAJOR, transposeA, transposeB, w.m(), w.n(), w.k(), 1f, a, lda, b, ldb, 0f, c, w.n());
        } catch (Throwable e) {
          throw new IllegalStateException("cblas_sgemm failed", e);
        }
      }

      @Override
      public List<float[]> results() {
        run();
        return List.of(c.toArray(ValueLayout.JAVA_FLOAT));
      }
    };
  }

  private static MemorySegment copy(float[] values) {
    MemorySegment memory = Arena.global().allocate(values.length * (long) Float.BYTES, ALIGNMENT);
    MemorySegment.copy(values, 0, memory, ValueLayout.JAVA_FLOAT, 0, values.length);
    return memory;
  }
}
