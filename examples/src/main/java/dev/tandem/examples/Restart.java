package dev.tandem.examples;

import java.io.BufferedReader;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.lang.management.ManagementFactory;
import java.lang.module.ModuleFinder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Starts the program again in a JVM with the flags it needs, which the jar's manifest cannot give: {@code java -jar} is enough.
 */
final class Restart {
  private static final String DONE = "tandem.restarted";
  /** The status of a process that was sent SIGTERM. */
  private static final int TERMINATED = 143;
  private static final String VECTORS = "jdk.incubator.vector";
  private static final String WARNING = "WARNING: Using incubator modules: " + VECTORS;

  private Restart() {
  }

  /** The flags this JVM lacks; none in one that was restarted, whatever it lacks. */
  static List<String> missingFlags() {
    var flags = new ArrayList<String>();
    if (Boolean.getBoolean(DONE)) {
      return flags;
    }
    // A JDK cut down by jlink may not have the module: with the flag it would not start at all.
    if (ModuleLayer.boot().findModule(VECTORS).isEmpty() && ModuleFinder.ofSystem().find(VECTORS).isPresent()) {
      flags.add("--add-modules=" + VECTORS);
    }
    if (!Restart.class.getModule().isNativeAccessEnabled()) {
      flags.add("--enable-native-access=ALL-UNNAMED");
    }
    return flags;
  }

  /** The command line of a JVM like this one, with {@code flags} besides. */
  static List<String> command(List<String> jvmArguments, List<String> flags, String... arguments) {
    var command = new ArrayList<String>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(jvmArguments);
    command.addAll(flags);
    // The manifest's Enable-Native-Access counts for -jar only.
    if (!flags.contains("--enable-native-access=ALL-UNNAMED")) {
      command.add("--enable-native-access=ALL-UNNAMED");
    }
    command.addAll(List.of("-D" + DONE + "=true", "-cp", System.getProperty("java.class.path"), Main.class.getName()));
    command.addAll(Arrays.asList(arguments));
    return command;
  }

  /** Runs the program again on this terminal, without the JVM's word on incubator modules, which nobody can act on.
   *
   * @return its exit status
   */
  static int run(List<String> flags, String... arguments) throws IOException, InterruptedException {
    List<String> jvmArguments = ManagementFactory.getRuntimeMXBean().getInputArguments();
    Process child = new ProcessBuilder(command(jvmArguments, flags, arguments)).redirectInput(Redirect.INHERIT)
        .redirectOutput(Redirect.INHERIT).start();
    Runtime.getRuntime().addShutdownHook(new Thread(() -> end(child)));
    try (BufferedReader errors = child.errorReader()) {
      for (String line = errors.readLine(); line != null; line = errors.readLine()) {
        if (!line.equals(WARNING)) {
          System.err.println(line);
        }
      }
    }
    return child.waitFor();
  }

  private static void end(Process child) {
    child.destroy();
    try {
      if (!child.waitFor(10, TimeUnit.SECONDS)) {
        child.destroyForcibly();
      }
    } catch (InterruptedException e) {
      child.destroyForcibly();
    }
  }

  /** Called by a restarted JVM: ends it with the one that started it, even one that was killed outright. */
  static void followParent() {
    if (Boolean.getBoolean(DONE)) {
      ProcessHandle.current().parent().ifPresent(p -> {
        var _ = p.onExit().thenRun(() -> System.exit(TERMINATED));
      });
    }
  }
}
