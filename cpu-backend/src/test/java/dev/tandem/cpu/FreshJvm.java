package dev.tandem.cpu;

import dev.tandem.core.tensor.Device;
import dev.tandem.core.testing.SmallNetwork;
import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.slf4j.LoggerFactory;

/** A program of the tests in a JVM of its own, started as users start theirs. */
final class FreshJvm {
  private FreshJvm() {
  }

  static Process start(List<String> options, Class<?> program, String... arguments) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(options);
    command.addAll(List.of("--add-modules", "jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED", "-cp",
        classPath(program), program.getName()));
    command.addAll(List.of(arguments));
    return new ProcessBuilder(command).redirectErrorStream(true).start();
  }

  /** Of the classes themselves: the launcher of the tests may have put its own jar into the property. */
  private static String classPath(Class<?> program) {
    return Stream.of(program, CpuBackend.class, SmallNetwork.class, Device.class, LoggerFactory.class)
        .map(c -> Path.of(URI.create(c.getProtectionDomain().getCodeSource().getLocation().toString())).toString())
        .distinct()
        .collect(Collectors.joining(File.pathSeparator));
  }
}
