package dev.tandem.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Where CUDA's libraries are looked for, in folders made up for the test, and what is said when they are missing. */
class LibrarySearchTest {
  private static final List<Integer> MAJORS = List.of(13, 12);

  @TempDir Path root;

  private final Map<String, String> environment = new HashMap<>();

  private Path file(String path) throws IOException {
    Path file = root.resolve(path);
    Files.createDirectories(file.getParent());
    return Files.writeString(file, "");
  }

  private LibrarySearch search(String home) {
    return new LibrarySearch(home, environment::get, root, root.resolve("home/user"));
  }

  @Test
  void thePropertyComesFirstThenTheEnvironmentThenTheToolkit() throws IOException {
    Path toolkit = file("usr/local/cuda-12.6/lib64/libcublas.so.12");
    assertThat(search(null).find("libcublas.so.12")).contains(toolkit);
    Path path = file("path/lib64/libcublas.so.12");
    environment.put("CUDA_PATH", root.resolve("path").toString());
    assertThat(search(null).find("libcublas.so.12")).contains(path);
    Path own = file("own/libcublas.so.12");
    environment.put(LibrarySearch.HOME_VARIABLE, root.resolve("own").toString());
    assertThat(search(null).find("libcublas.so.12")).contains(own);
    Path property = file("property/lib/libcublas.so.12");
    assertThat(search(root.resolve("property").toString()).find("libcublas.so.12")).contains(property);
  }

  @Test
  void theLoadersFoldersAndPythonPackagesAreFound() throws IOException {
    Path driver = file("usr/lib/x86_64-linux-gnu/libcuda.so.1");
    Path configured = file("opt/elsewhere/libnvrtc.so.12");
    Files.createDirectories(root.resolve("etc/ld.so.conf.d"));
    Files.writeString(root.resolve("etc/ld.so.conf.d/cuda.conf"), "# comment\n/opt/elsewhere\n");
    environment.put("VIRTUAL_ENV", root.resolve("venv").toString());
    Path wheel = file("venv/lib/python3.12/site-packages/nvidia/cudnn/lib/libcudnn.so.9");
    LibrarySearch search = search(null);
    assertThat(search.find("libcuda.so.1")).contains(driver);
    assertThat(search.find("libnvrtc.so.12")).contains(configured);
    assertThat(search.find("libcudnn.so.9")).contains(wheel);
  }

  /** A toolkit of one version beside Python packages of another: what was installed together is used together. */
  @Test
  void librariesBesideCudnnArePreferred() throws IOException {
    file("usr/local/cuda-12.2/lib64/libcublas.so.12");
    Path cudnn = file("home/user/.local/lib/python3.12/site-packages/nvidia/cudnn/lib/libcudnn.so.9");
    Path cublas = file("home/user/.local/lib/python3.12/site-packages/nvidia/cu13/lib/libcublas.so.13");
    LibrarySearch search = search(null);
    assertThat(search.major(cudnn, MAJORS)).isEqualTo(13);
    assertThat(search.findNear(cudnn, "libcublas.so.13")).contains(cublas);
    assertThat(search.major(null, MAJORS)).isEqualTo(12);
  }

  @Test
  void noLibrariesHaveNoVersion() {
    assertThat(search(null).major(null, MAJORS)).isZero();
  }

  @Test
  void refusalsNameReasonPlacesAndRemedy() throws IOException {
    file("usr/local/cuda-12.2/lib64/libcublas.so.12");
    LibrarySearch search = search(root.resolve("wrong").toString());
    assertThat(Libraries.noDriver(search)).contains("no NVIDIA driver", "libcuda.so.1", "Install NVIDIA's driver")
        .doesNotContain("\n").hasSizeLessThan(300);
    assertThat(Libraries.noLibrary("libcudnn.so.9", search)).contains("libcudnn.so.9 is missing",
        root.resolve("wrong") + " (-Dtandem.cuda.home, which does not exist)", "TANDEM_CUDA_HOME");
    assertThat(Libraries.noDevice(Optional.of("7"))).contains("CUDA_VISIBLE_DEVICES is \"7\"", "Unset it");
    assertThat(Libraries.noDevice(Optional.empty())).contains("nvidia-smi").doesNotContain("CUDA_VISIBLE_DEVICES");
    assertThat(Libraries.tooOld(12040, 13)).contains("too old", "12.4", "CUDA 13", "Update the driver");
    assertThat(Libraries.tooOld(12040, 12)).isEmpty();
    assertThat(Libraries.tooOld(13000, 12)).isEmpty();
  }
}
