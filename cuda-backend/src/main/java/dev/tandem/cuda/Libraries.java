package dev.tandem.cuda;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The driver and CUDA's libraries, found and loaded once per process, or the reason why they can not be. Nothing but a look for the
 * driver is done on a machine without it.
 */
final class Libraries {
  private static final List<Integer> KNOWN_MAJORS = List.of(13, 12);

  private final @Nullable Driver driver;
  private final int devices;
  private final int driverVersion;
  private final String refusal;

  private Libraries(@Nullable Driver driver, int devices, int driverVersion, String refusal) {
    this.driver = driver;
    this.devices = devices;
    this.driverVersion = driverVersion;
    this.refusal = refusal;
  }

  private static final class Holder {
    static final Libraries LOADED = open();
  }

  /** Loads at the first call. Never throws. */
  static Libraries get() {
    return Holder.LOADED;
  }

  private static Libraries open() {
    try {
      return open(LibrarySearch.here(), Optional.ofNullable(System.getenv("CUDA_VISIBLE_DEVICES")));
    } catch (RuntimeException | LinkageError | IOException e) {
      return refused("CUDA's libraries could not be used: " + e
          + ". Make sure that they fit each other and this processor; -D" + LibrarySearch.HOME_PROPERTY
          + " names the folder they are taken from.");
    }
  }

  private static Libraries refused(String reason) {
    return new Libraries(null, 0, 0, reason);
  }

  private static Libraries open(LibrarySearch search, Optional<String> visible) throws IOException {
    if (!System.getProperty("os.name").equals("Linux") || !System.getProperty("os.arch").equals("amd64")) {
      return refused("CUDA is used on Linux x86-64 only; this is " + System.getProperty("os.name") + " "
          + System.getProperty("os.arch") + ". Train with --device cpu.");
    }
    SymbolLookup library = loadDriver(search);
    if (library == null) {
      return refused(noDriver(search));
    }
    Driver driver = new Driver(library);
    int status = driver.initialize();
    int devices = status == 0 ? driver.devices() : 0;
    if (status != 0 && status != Driver.NO_DEVICE) {
      return refused("The NVIDIA driver did not start: cuInit gave status " + status
          + ". Run nvidia-smi to see what it says; after an update of the driver the machine must be started anew.");
    }
    if (devices <= 0) {
      return refused(noDevice(visible));
    }
    int version = driver.version();
    Path cudnn = search.find("libcudnn.so.9").orElse(null);
    int major = search.major(cudnn, KNOWN_MAJORS);
    Optional<Path> cublas = search.findNear(cudnn, "libcublas.so." + major);
    Optional<Path> nvrtc = search.findNear(cudnn, "libnvrtc.so." + major);
    String missing = missing(cublas, nvrtc, cudnn, major);
    if (!missing.isEmpty()) {
      return refused(noLibrary(missing, search));
    }
    String tooOld = tooOld(version, major);
    if (!tooOld.isEmpty()) {
      return refused(tooOld);
    }
    search.findNear(cudnn, "libcublasLt.so." + major).ifPresent(Libraries::load);
    cublas.ifPresent(Libraries::load);
    nvrtc.ifPresent(n -> LibrarySearch.builtins(n, major).forEach(Libraries::load));
    nvrtc.ifPresent(Libraries::load);
    if (cudnn != null) {
      load(cudnn);
    }
    JniLibraries.load(major);
    return new Libraries(driver, devices, version, "");
  }

  /** By absolute path where a folder has it, else as the loader finds it; null when there is none. */
  @SuppressWarnings("restricted")
  private static @Nullable SymbolLookup loadDriver(LibrarySearch search) {
    Optional<Path> found = search.find("libcuda.so.1");
    if (found.isPresent()) {
      load(found.get());
      return SymbolLookup.loaderLookup();
    }
    try {
      return SymbolLookup.libraryLookup("libcuda.so.1", Arena.global());
    } catch (IllegalArgumentException e) {
      return null;
    }
  }

  @SuppressWarnings("restricted")
  private static void load(Path library) {
    System.load(library.toAbsolutePath().toString());
  }

  static String noDriver(LibrarySearch search) {
    // Where a driver's library lies is the system's business: a list of folders would tell nobody what to do.
    return "There is no NVIDIA driver: libcuda.so.1 is neither known to the loader nor in any of the " + search.places()
        + " folders of CUDA libraries. Install NVIDIA's driver if there is a GPU; in a container, start it with access to the GPU.";
  }

  static String noDevice(Optional<String> visible) {
    return visible
        .map(v -> "The NVIDIA driver shows no GPU to this process: CUDA_VISIBLE_DEVICES is \"" + v
            + "\". Unset it, or name a GPU that nvidia-smi lists.")
        .orElse("The NVIDIA driver is there and sees no GPU. Run nvidia-smi to see what it says; in a container, start "
            + "it with access to the GPU.");
  }

  private static String missing(Optional<Path> cublas, Optional<Path> nvrtc, @Nullable Path cudnn, int major) {
    String version = major == 0 ? "" + KNOWN_MAJORS.get(KNOWN_MAJORS.size() - 1) : "" + major;
    String text = cublas.isPresent() ? "" : "libcublas.so." + version;
    text += nvrtc.isPresent() ? "" : (text.isEmpty() ? "" : ", ") + "libnvrtc.so." + version;
    return text + (cudnn != null ? "" : (text.isEmpty() ? "" : ", ") + "libcudnn.so.9");
  }

  static String noLibrary(String missing, LibrarySearch search) {
    return "The NVIDIA driver is there, but not all of CUDA's libraries: " + missing + " is missing. Install the CUDA "
        + "toolkit 12 or 13 and cuDNN 9 (as Python packages, too), or name their folder with -D"
        + LibrarySearch.HOME_PROPERTY + " or " + LibrarySearch.HOME_VARIABLE + ". Looked in " + search.folders() + ".";
  }

  /**
   * @param driver the newest version it serves, as {@link Driver#version}
   * @param major of the libraries
   * @return empty when the driver serves them
   */
  static String tooOld(int driver, int major) {
    return driver >= major * 1000 ? ""
        : "The NVIDIA driver is too old for these libraries: it serves CUDA up to " + driver / 1000 + "."
            + driver % 1000 / 10 + ", and the libraries found are CUDA " + major
            + ". Update the driver, or install the "
            + "libraries of CUDA " + Math.max(driver / 1000, 12) + " and name their folder with -D"
            + LibrarySearch.HOME_PROPERTY + ".";
  }

  /** Why there are no {@link #devices}; empty when there are. */
  String refusal() {
    return refusal;
  }

  int devices() {
    return devices;
  }

  /** The driver's functions.
   *
   * @throws CudaException with the reason when there are no devices
   */
  Driver driver() {
    if (driver == null) {
      throw new CudaException(refusal);
    }
    return driver;
  }

  /** Of the driver, for people: {@code 12.6}. */
  String driverVersion() {
    return driverVersion / 1000 + "." + driverVersion % 1000 / 10;
  }
}
