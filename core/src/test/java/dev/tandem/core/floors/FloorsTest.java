package dev.tandem.core.floors;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.constantpool.ClassEntry;
import java.lang.classfile.constantpool.PoolEntry;
import java.lang.classfile.constantpool.Utf8Entry;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The house has floors, and every arrow between packages points down: read from the class files, so that no import can hide. */
class FloorsTest {
  private static final String ROOT = "dev/tandem/core/";
  private static final Pattern PACKAGE = Pattern.compile(ROOT + "(\\w+)/");

  /** What each package may use besides itself. */
  private static final Map<String, Set<String>> BELOW = Map.ofEntries(Map.entry("shape", Set.of()),
      Map.entry("pointwise", Set.of("shape")), Map.entry("op", Set.of("shape", "pointwise")),
      Map.entry("backend", Set.of("shape", "pointwise", "op")),
      Map.entry("tensor", Set.of("shape", "pointwise", "op", "backend")),
      Map.entry("autograd", Set.of("shape", "pointwise", "op", "backend", "tensor")),
      Map.entry("nn", Set.of("shape", "pointwise", "op", "tensor")),
      Map.entry("optim", Set.of("shape", "pointwise", "op", "tensor", "autograd", "nn")),
      Map.entry("data", Set.of("shape", "io")),
      Map.entry("io", Set.of("shape")),
      Map.entry("train", Set.of("shape", "op", "backend", "tensor", "autograd", "nn", "optim", "data", "io")));

  private static Path classes() throws URISyntaxException {
    return Path.of(dev.tandem.core.shape.Shape.class.getProtectionDomain().getCodeSource().getLocation().toURI());
  }

  private static Set<String> used(Path file) throws IOException {
    Set<String> names = new TreeSet<>();
    for (PoolEntry e : ClassFile.of().parse(Files.readAllBytes(file)).constantPool()) {
      String text =
          e instanceof ClassEntry c ? c.asInternalName() + "/" : e instanceof Utf8Entry u ? u.stringValue() : "";
      Matcher m = PACKAGE.matcher(text);
      while (m.find()) {
        names.add(m.group(1));
      }
    }
    return names;
  }

  @Test
  void everyArrowPointsDown() throws Exception {
    Path root = classes().resolve(ROOT);
    Set<String> upward = new TreeSet<>();
    int seen = 0;
    try (Stream<Path> files = Files.walk(root)) {
      for (Path f : (Iterable<Path>) files.filter(p -> p.toString().endsWith(".class"))::iterator) {
        String room = root.relativize(f).getName(0).toString();
        assertThat(BELOW).as("a package that this test does not know").containsKey(room);
        for (String other : used(f)) {
          if (!other.equals(room) && !BELOW.get(room).contains(other)) {
            upward.add(room + " uses " + other + " in " + f.getFileName());
          }
        }
        seen++;
      }
    }
    assertThat(seen).isGreaterThan(80);
    assertThat(upward).isEmpty();
  }

  @Test
  void coreNamesNoDevice() throws Exception {
    Pattern device = Pattern.compile("(?i)jcuda|cublas|cudnn|incubator/vector");
    List<Path> files;
    try (Stream<Path> all = Files.walk(classes())) {
      files = all.filter(p -> p.toString().endsWith(".class")).toList();
    }
    for (Path f : files) {
      for (PoolEntry e : ClassFile.of().parse(Files.readAllBytes(f)).constantPool()) {
        if (e instanceof ClassEntry c) {
          assertThat(device.matcher(c.asInternalName()).find()).as(f + " names " + c.asInternalName()).isFalse();
        }
      }
    }
  }
}
