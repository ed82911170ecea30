package dev.tandem.cpu;

import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassHierarchyResolver;
import java.lang.classfile.ClassModel;
import java.lang.classfile.ClassTransform;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Opcode;
import java.lang.classfile.instruction.InvokeInstruction;
import java.lang.constant.ClassDesc;
import java.lang.constant.MethodTypeDesc;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.util.Set;

/**
 * Puts the checks into kernels: calls that touch memory go to {@link CheckedMemory} or {@link CheckedVectors} instead, with the same
 * arguments. It is done to the class files and to generated classes, so that the kernels of the fast mode hold no trace of it and no
 * kernel can be written that the checked mode does not see.
 */
final class CheckedCode {
  private static final String PACKAGE = CheckedCode.class.getPackageName();
  private static final String VECTORS = "Ljdk/incubator/vector/";
  private static final ClassDesc SEGMENT = MemorySegment.class.describeConstable().orElseThrow();
  private static final ClassDesc LOOKUP = MethodHandles.Lookup.class.describeConstable().orElseThrow();
  private static final ClassDesc MEMORY = ClassDesc.of(PACKAGE, "CheckedMemory");
  private static final ClassDesc VECTOR_MEMORY = ClassDesc.of(PACKAGE, "CheckedVectors");
  /** Methods of a segment that are checked. */
  private static final Set<String> CHECKED = Set.of("get", "set", "copy", "asSlice");
  /** Methods that touch no memory, or only that of a segment with bounds. */
  private static final Set<String> HARMLESS = Set.of("address", "byteSize", "reinterpret", "scope", "fill", "copyFrom");
  private static final Set<String> CHECKS =
      Set.of("Allocation", "Allocations", "CheckedCall", "CheckedCode", "CheckedMemory",
          "CheckedVectors", "MemoryAccessException");

  private CheckedCode() {
  }

  /** Whether a class, by its name, checks others and is not checked itself. */
  static boolean isPartOfTheChecks(String className) {
    String simple = className.substring(className.lastIndexOf('.') + 1);
    int nested = simple.indexOf('$');
    return CHECKS.contains(nested < 0 ? simple : simple.substring(0, nested));
  }

  /** The same class with checks. */
  static byte[] of(byte[] bytes) {
    ClassHierarchyResolver hierarchy = ClassHierarchyResolver.ofResourceParsing(CpuBackend.class.getClassLoader())
        .orElse(ClassHierarchyResolver.defaultResolver());
    ClassFile file = ClassFile.of(ClassFile.ClassHierarchyResolverOption.of(hierarchy));
    ClassModel model = file.parse(bytes);
    return file.transformClass(model, ClassTransform.transformingMethodBodies((code, e) -> {
      if (e instanceof InvokeInstruction i) {
        invoke(code, i, model);
      } else {
        code.with(e);
      }
    }));
  }

  private static void invoke(CodeBuilder code, InvokeInstruction i, ClassModel in) {
    ClassDesc owner = i.owner().asSymbol();
    String name = i.name().stringValue();
    boolean isSegment = owner.equals(SEGMENT);
    if (isSegment && CHECKED.contains(name)) {
      replace(code, i, MEMORY, name);
    } else if (owner.equals(LOOKUP) && name.equals("defineHiddenClass")) {
      replace(code, i, MEMORY, name);
    } else if (owner.descriptorString().startsWith(VECTORS) && name.endsWith("MemorySegment")) {
      replace(code, i, VECTOR_MEMORY, (name.startsWith("from") ? "load" : "store") + owner.displayName());
    } else if (isSegment && !HARMLESS.contains(name)) {
      throw new IllegalStateException(in.thisClass().name() + " calls MemorySegment." + name
          + ", which the checked mode does not know: name it in CheckedCode");
    } else {
      code.with(i);
    }
  }

  private static void replace(CodeBuilder code, InvokeInstruction i, ClassDesc by, String name) {
    MethodTypeDesc type = i.typeSymbol();
    if (i.opcode() != Opcode.INVOKESTATIC) {
      type = type.insertParameterTypes(0, i.owner().asSymbol());
    }
    code.invokestatic(by, name, type);
  }
}
