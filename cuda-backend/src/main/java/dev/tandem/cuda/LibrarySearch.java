package dev.tandem.cuda;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** The folders that may hold CUDA's libraries, in order of preference, and what is found in them. Reads folders and loads nothing. */
final class LibrarySearch {
  /** The system property that names a folder to look in before any other; {@link #HOME_VARIABLE} is the environment's. */
  static final String HOME_PROPERTY = "tandem.cuda.home";

  static final String HOME_VARIABLE = "TANDEM_CUDA_HOME";

  private static final List<String> LOADER_FOLDERS = List.of("usr/local/nvidia/lib64", "usr/local/nvidia/lib",
      "usr/lib/x86_64-linux-gnu", "usr/lib64", "usr/lib", "usr/lib/wsl/lib", "opt/nvidia/lib64");

  private final Map<Path, String> folders = new LinkedHashMap<>();

  /**
   * @param home value of {@link #HOME_PROPERTY}; null when not set
   * @param environment variables by name; null for those not set
   * @param root of the file system
   * @param user the user's own folder
   */
  LibrarySearch(@Nullable String home, UnaryOperator<@Nullable String> environment, Path root, Path user) {
    toolkit(home, "-D" + HOME_PROPERTY, root);
    for (String variable : List.of(HOME_VARIABLE, "CUDA_HOME", "CUDA_PATH")) {
      toolkit(environment.apply(variable), variable, root);
    }
    for (Path p : matches(root.resolve("usr/local"), "cuda*")) {
      add(p.resolve("lib64"), "/usr/local");
      add(p.resolve("targets/x86_64-linux/lib"), "/usr/local");
    }
    String path = environment.apply("LD_LIBRARY_PATH");
    if (path != null) {
      for (String folder : path.split(":", -1)) {
        add(folder, "LD_LIBRARY_PATH", root);
      }
    }
    for (String folder : LOADER_FOLDERS) {
      add(root.resolve(folder), "the loader's folders");
    }
    for (Path file : matches(root.resolve("etc/ld.so.conf.d"), "*.conf")) {
      for (String line : lines(file)) {
        if (line.startsWith("/")) {
          add(root.resolve(line.substring(1)), file.toString());
        }
      }
    }
    for (Path packages : pythonPackages(environment, root, user)) {
      for (Path p : matches(packages.resolve("nvidia"), "*")) {
        add(p.resolve("lib"), "Python packages");
      }
    }
  }

  /** Of this process. */
  static LibrarySearch here() {
    return new LibrarySearch(System.getProperty(HOME_PROPERTY), System::getenv, Path.of("/"),
        Path.of(System.getProperty("user.home", "/")));
  }

  private void toolkit(@Nullable String home, String how, Path root) {
    for (String below : List.of("", "/lib64", "/lib", "/targets/x86_64-linux/lib")) {
      if (home != null && !home.isBlank()) {
        add(home + below, how, root);
      }
    }
  }

  private void add(String folder, String how, Path root) {
    if (!folder.isBlank()) {
      try {
        add(root.resolve(Path.of(folder).toAbsolutePath()), how);
      } catch (InvalidPathException e) {
        folders.putIfAbsent(Path.of("unreadable"), how + ", which is no path: " + folder);
      }
    }
  }

  private void add(Path folder, String how) {
    folders.putIfAbsent(folder.normalize(), how);
  }

  private static List<Path> pythonPackages(UnaryOperator<@Nullable String> environment, Path root, Path user) {
    List<Path> prefixes = new ArrayList<>();
    for (String variable : List.of("VIRTUAL_ENV", "CONDA_PREFIX")) {
      String prefix = environment.apply(variable);
      if (prefix != null && !prefix.isBlank()) {
        prefixes.add(root.resolve(Path.of(prefix)));
      }
    }
    prefixes.add(user.resolve(".local"));
    prefixes.add(root.resolve("usr/local"));
    prefixes.add(root.resolve("usr"));
    prefixes.addAll(matches(root.resolve("opt"), "*"));
    List<Path> packages = new ArrayList<>();
    for (Path prefix : prefixes) {
      for (Path python : matches(prefix.resolve("lib"), "python3*")) {
        packages.add(python.resolve("site-packages"));
        packages.add(python.resolve("dist-packages"));
      }
    }
    return packages;
  }

  private static List<Path> matches(Path folder, String pattern) {
    List<Path> found = new ArrayList<>();
    if (Files.isDirectory(folder)) {
      try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder, pattern)) {
        entries.forEach(found::add);
      } catch (IOException | java.nio.file.DirectoryIteratorException e) {
        return List.of();
      }
    }
    found.sort(Comparator.naturalOrder());
    return found;
  }

  private static List<String> lines(Path file) {
    try {
      return Files.readAllLines(file).stream().map(String::strip).toList();
    } catch (IOException | UncheckedIOException e) {
      return List.of();
    }
  }

  /** The first of this name. */
  Optional<Path> find(String name) {
    return folders.keySet().stream().map(f -> f.resolve(name)).filter(Files::exists).findFirst();
  }

  /** The first of this name that was installed together with {@code companion}, else the first of all. */
  Optional<Path> findNear(@Nullable Path companion, String name) {
    if (companion != null) {
      Path family = family(companion);
      for (Path f : folders.keySet()) {
        Path candidate = f.resolve(name);
        if (Files.exists(candidate) && family(candidate).equals(family)) {
          return Optional.of(candidate);
        }
      }
    }
    return find(name);
  }

  /** What was installed in one go: {@code …/nvidia} of {@code …/nvidia/cudnn/lib/libcudnn.so.9}. */
  private static Path family(Path library) {
    Path p = library;
    for (int i = 0; i < 3 && p.getParent() != null; i++) {
      p = p.getParent();
    }
    return p;
  }

  /** The newest major version of CUDA there is, preferring one that was installed together with {@code cudnn}; 0 for none. */
  int major(@Nullable Path cudnn, List<Integer> known) {
    if (cudnn != null) {
      for (int v : known) {
        Optional<Path> near = findNear(cudnn, "libcublas.so." + v);
        if (near.isPresent() && family(near.get()).equals(family(cudnn))) {
          return v;
        }
      }
    }
    for (Path f : folders.keySet()) {
      for (int v : known) {
        if (Files.exists(f.resolve("libcublas.so." + v))) {
          return v;
        }
      }
    }
    return 0;
  }

  /** NVRTC's own headers and device code, beside NVRTC. */
  static List<Path> builtins(Path nvrtc, int major) {
    Path folder = nvrtc.getParent();
    return folder == null ? List.of() : matches(folder, "libnvrtc-builtins.so." + major + ".*");
  }

  /** How many folders were looked at. */
  int places() {
    return folders.size();
  }

  /** Every folder looked at, for people: those that exist and those that do not. */
  String folders() {
    StringBuilder text = new StringBuilder();
    folders.forEach((folder, how) -> text.append(text.isEmpty() ? "" : ", ").append(folder).append(" (").append(how)
        .append(Files.isDirectory(folder) ? ")" : ", which does not exist)"));
    return text.toString();
  }
}
