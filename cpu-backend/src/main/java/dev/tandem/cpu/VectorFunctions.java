package dev.tandem.cpu;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.CodeElement;
import java.lang.classfile.Instruction;
import java.lang.classfile.MethodModel;
import java.lang.classfile.instruction.InvokeInstruction;
import java.lang.classfile.instruction.LoadInstruction;
import java.lang.classfile.instruction.ReturnInstruction;
import java.lang.classfile.instruction.StoreInstruction;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Copies the bodies of {@link VectorMath} into generated loops. As calls they would be inlined only while a loop is small: two
 * exponentials in one loop were enough for C2 to leave the second as a call, with boxed vectors, at 13 times the time. The methods
 * of the Vector API are inlined at any size.
 */
final class VectorFunctions {
  private static final Map<String, MethodModel> METHODS = read();

  private VectorFunctions() {
  }

  private static Map<String, MethodModel> read() {
    try (InputStream in = VectorFunctions.class.getResourceAsStream("VectorMath.class")) {
      if (in == null) {
        throw new IllegalStateException("VectorMath.class is missing beside " + VectorFunctions.class.getName());
      }
      Map<String, MethodModel> methods = new HashMap<>();
      for (MethodModel m : ClassFile.of().parse(in.readAllBytes()).methods()) {
        methods.put(m.methodName().stringValue(), m);
      }
      return methods;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Emits the body of a function, which takes its arguments from the stack and leaves its result there.
   *
   * @param local the first local variable that nothing else uses
   */
  static void emit(CodeBuilder c, String name, int local) {
    MethodModel method = METHODS.get(name);
    int parameters = method.methodTypeSymbol().parameterCount();
    for (int p = parameters - 1; p >= 0; p--) {
      c.astore(local + p);
    }
    List<CodeElement> body = method.code().orElseThrow().elementList();
    int end = local + parameters;
    for (CodeElement e : body) {
      if (e instanceof StoreInstruction s) {
        end = Math.max(end, local + s.slot() + 1);
      }
    }
    for (CodeElement e : body) {
      switch (e) {
        case LoadInstruction l -> c.loadLocal(l.typeKind(), local + l.slot());
        case StoreInstruction s -> c.storeLocal(s.typeKind(), local + s.slot());
        case InvokeInstruction i when i.owner().asSymbol().equals(VectorGenerator.VECTOR_MATH) ->
            emit(c, i.name().stringValue(), end);
        // The functions have no branches: their one return is the end.
        case ReturnInstruction r -> {}
        case Instruction i -> c.with(i);
        default -> {}
      }
    }
  }
}
