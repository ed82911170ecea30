package dev.tandem.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tandem.core.backend.BackendProvider;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import jcuda.nvrtc.JNvrtc;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is asked before there is a device. */
class ProviderTest {
  @TempDir Path folder;

  /** Asks and says what the answer was. */
  static final class Ask {
    private Ask() {
    }

    public static void main(String[] arguments) {
      BackendProvider cuda = ServiceLoader.load(BackendProvider.class).stream().map(ServiceLoader.Provider::get)
          .filter(p -> p.name().equals("cuda")).findFirst().orElseThrow();
      System.out.println("devices " + cuda.devices() + " refusal <" + cuda.refusal() + ">");
    }
  }

  private JavaProcess.Result ask(Map<String, String> environment, List<String> flags) throws Exception {
    List<String> all = new ArrayList<>(Cuda.flags(folder));
    all.addAll(flags);
    return JavaProcess.run(environment, all, Ask.class);
  }

  @Test
  void aMachineWithoutDriverIsToldSoAndLoadsNothingOfJCuda() throws Exception {
    JavaProcess.Result result = JavaProcess.run(Map.of(), List.of("-Xlog:class+load"), Ask.class);
    Assumptions.assumeFalse(result.output().contains("refusal <>"), "this machine has a GPU");
    Assumptions.assumeTrue(result.output().contains("There is no NVIDIA driver"), "this machine has NVIDIA's driver");
    assertThat(result.status()).isZero();
    assertThat(result.output()).contains("devices 0").contains("dev.tandem.cuda.Libraries").doesNotContain("jcuda.");
  }

  @Test
  void anAvailableDeviceIsDescribed() {
    CudaBackend backend = Cuda.backend();
    assertThat(backend.name()).isEqualTo("cuda:0");
    assertThat(backend.describe()).contains("GiB", "compute capability", "driver for CUDA", "NVRTC", "cuDNN");
    assertThatThrownBy(() -> new CudaBackendProvider().open(99)).isInstanceOf(CudaException.class)
        .hasMessageContaining("no cuda:99").hasMessageContaining("cuda:0");
  }

  @Test
  void aHiddenDeviceIsNamed() throws Exception {
    Cuda.emulator();
    JavaProcess.Result result = ask(Map.of("EMU_FAIL", "cuInit:1=100", "CUDA_VISIBLE_DEVICES", "-1"), List.of());
    assertThat(result.output()).contains("devices 0", "CUDA_VISIBLE_DEVICES is \"-1\"");
  }

  @Test
  void aDriverThatDoesNotStartIsNamed() throws Exception {
    Cuda.emulator();
    JavaProcess.Result result = ask(Map.of("EMU_FAIL", "cuInit:1=803"), List.of());
    assertThat(result.output()).contains("devices 0", "did not start", "803", "nvidia-smi");
  }

  private Path copied(String library, Path from) throws IOException {
    return Files.copy(from.resolve(library), folder.resolve(library));
  }

  @Test
  void aMissingLibraryIsNamedWithThePlacesLookedAt() throws Exception {
    copied("libcuda.so.1", Cuda.emulator());
    JavaProcess.Result result = ask(Map.of(), List.of("-D" + LibrarySearch.HOME_PROPERTY + "=" + folder));
    Assumptions.assumeFalse(result.output().contains("refusal <>"), "this machine has CUDA's libraries elsewhere");
    assertThat(result.output()).contains("libcudnn.so.9", "is missing", folder.toString(), "/usr/local");
  }

  @Test
  void aDriverOlderThanTheLibrariesIsNamedWithBothVersions() throws Exception {
    copied("libcuda.so.1", Cuda.emulator());
    for (String name : List.of("libcublas.so.13", "libnvrtc.so.13", "libcudnn.so.9")) {
      Files.writeString(folder.resolve(name), "");
    }
    JavaProcess.Result result = ask(Map.of(), List.of("-D" + LibrarySearch.HOME_PROPERTY + "=" + folder));
    assertThat(result.output()).contains("devices 0", "too old", "12.6", "CUDA 13");
  }

  @Test
  void aLibraryThatDoesNotLoadIsARefusal() throws Exception {
    Path emulator = Cuda.emulator();
    for (String name : List.of("libcuda.so.1", "libcublas.so.12", "libnvrtc.so.12")) {
      copied(name, emulator);
    }
    Files.writeString(folder.resolve("libcudnn.so.9"), "this is no library");
    JavaProcess.Result result = ask(Map.of(), List.of("-D" + LibrarySearch.HOME_PROPERTY + "=" + folder));
    assertThat(result.output()).contains("devices 0", "could not be used", "libcudnn.so.9");
    assertThat(result.status()).isZero();
  }

  /** Loads stand-ins named as CUDA 13 names them, and JCuda against them. */
  static final class Thirteen {
    private Thirteen() {
    }

    public static void main(String[] arguments) throws IOException {
      for (String name : List.of("libcuda.so.1", "libcublas.so.13", "libnvrtc.so.13", "libcudnn.so.9")) {
        System.load(Path.of(arguments[0], name).toString());
      }
      JniLibraries.load(13);
      int[] version = new int[2];
      System.out.println("status " + JNvrtc.nvrtcVersion(version, new int[1]) + " of " + version[0]);
    }
  }

  @Test
  void jcudaLoadsAgainstLibrariesOfCuda13() throws Exception {
    Path emulator = Cuda.emulator();
    copied("libcuda.so.1", emulator);
    copied("libcudnn.so.9", emulator);
    for (String name : List.of("libcublas.so.", "libnvrtc.so.")) {
      Files.write(folder.resolve(name + 13), renamed(Files.readAllBytes(emulator.resolve(name + 12)), name));
    }
    JavaProcess.Result result = JavaProcess.run(Map.of(), Cuda.flags(folder), Thirteen.class, folder.toString());
    assertThat(result.output()).contains("status 0 of 12");
  }

  /** A library that defines its symbols under the version of CUDA 13. */
  private static byte[] renamed(byte[] library, String name) {
    byte[] from = (name + "12").getBytes(StandardCharsets.US_ASCII);
    int old = hash(name + "12");
    ByteBuffer bytes = ByteBuffer.wrap(library).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i + from.length < library.length; i++) {
      if (Arrays.equals(library, i, i + from.length, from, 0, from.length)) {
        library[i + from.length - 1] = '3';
      }
      if (i % 4 == 0 && bytes.getInt(i) == old) {
        bytes.putInt(i, hash(name + "13"));
      }
    }
    return library;
  }

  private static int hash(String name) {
    long h = 0;
    for (int i = 0; i < name.length(); i++) {
      h = (h << 4) + name.charAt(i);
      h = (h ^ (h & 0xf0000000L) >>> 24) & 0x0fffffffL;
    }
    return (int) h;
  }

  @Test
  void renamingChangesNothingButTheNames() throws IOException {
    byte[] original;
    try (InputStream in = JNvrtc.class.getResourceAsStream("/lib/libJCublas2-12.6.0-linux-x86_64.so")) {
      original = in.readAllBytes();
    }
    Elf elf = new Elf(original.clone());
    assertThat(elf.needed()).contains("libcublas.so.12");
    elf.rename("libcublas.so.12", "libcublas.so.13");
    assertThat(elf.needed()).contains("libcublas.so.13").doesNotContain("libcublas.so.12");
    assertThatThrownBy(() -> elf.rename("libcublas.so.13", "libcublas.so.1")).hasMessageContaining("lengths");
    assertThatThrownBy(() -> new Elf(new byte[100])).hasMessageContaining("ELF");
  }
}
