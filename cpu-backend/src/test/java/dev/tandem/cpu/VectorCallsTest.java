package dev.tandem.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.lang.classfile.CodeModel;
import java.lang.classfile.MethodModel;
import java.lang.classfile.attribute.CodeAttribute;
import java.lang.classfile.instruction.InvokeInstruction;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * What keeps vectors in registers in every launch, read from the class files. C2 inlines the methods of the Vector API whatever their
 * size; any other call it may leave as one, depending on what it happened to compile before, and then boxes the vectors that cross it.
 */
class VectorCallsTest {
  private static final String API = "jdk/incubator/vector/";
  /** HotSpot compiles no longer method. */
  private static final int COMPILED_BYTECODES = 8000;

  private static List<ClassModel> classes() throws IOException, URISyntaxException {
    Path folder = Path.of(CpuBackend.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    List<ClassModel> classes = new ArrayList<>();
    try (Stream<Path> files = Files.list(folder.resolve("dev/tandem/cpu"))) {
      for (Path f : (Iterable<Path>) files.filter(p -> p.toString().endsWith(".class"))::iterator) {
        classes.add(ClassFile.of().parse(f));
      }
    }
    assertThat(classes).hasSizeGreaterThan(50);
    return classes;
  }

  private static boolean takesVectors(InvokeInstruction call) {
    return call.type().stringValue().replace(API + "VectorSpecies", "").contains(API);
  }

  @Test
  void noVectorCrossesACallThatTheCompilerMayLeaveAsOne() throws IOException, URISyntaxException {
    List<String> found = new ArrayList<>();
    for (ClassModel c : classes()) {
      // Its bodies are copied into generated loops, and run nowhere else; its constants are made by a call.
      boolean copied = c.thisClass().name().equalsString("dev/tandem/cpu/VectorMath");
      for (MethodModel m : c.methods()) {
        for (var e : m.code().map(CodeModel::elementList).orElse(List.of())) {
          if (e instanceof InvokeInstruction i && !i.owner().name().stringValue().startsWith(API) && takesVectors(i)
              && !copied && !m.methodName().equalsString("<clinit>")) {
            found.add(c.thisClass().name() + "." + m.methodName() + " calls " + i.owner().name() + "." + i.name());
          }
        }
      }
    }
    assertThat(found).isEmpty();
  }

  @Test
  void everyMethodIsShortEnoughToBeCompiled() throws IOException, URISyntaxException {
    for (ClassModel c : classes()) {
      for (MethodModel m : c.methods()) {
        int length = m.code().map(code -> ((CodeAttribute) code).codeLength()).orElse(0);
        assertThat(length).as("%s.%s", c.thisClass().name(), m.methodName()).isLessThan(COMPILED_BYTECODES);
      }
    }
  }
}
