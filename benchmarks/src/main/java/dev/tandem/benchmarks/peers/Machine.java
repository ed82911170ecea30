package dev.tandem.benchmarks.peers;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** What a result must say about where it was made. */
final class Machine {
  private Machine() {
  }

  static Map<String, Object> describe() {
    Map<String, Object> all = new LinkedHashMap<>();
    all.put("processor", processor());
    all.put("processors", Runtime.getRuntime().availableProcessors());
    if (ManagementFactory.getOperatingSystemMXBean() instanceof com.sun.management.OperatingSystemMXBean system) {
      all.put("memory_bytes", system.getTotalMemorySize());
    }
    all.put("system", System.getProperty("os.name") + " " + System.getProperty("os.version"));
    return all;
  }

  /** Processes that wanted a processor in the last minute; much above 0 before a run means that it is worthless. */
  static double load() {
    return ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage();
  }

  private static String processor() {
    try (var lines = Files.lines(Path.of("/proc/cpuinfo"))) {
      return lines.filter(line -> line.startsWith("model name"))
          .map(line -> line.substring(line.indexOf(':') + 1).strip())
          .findFirst().orElse(System.getProperty("os.arch"));
    } catch (IOException e) {
      return System.getProperty("os.arch");
    }
  }
}
