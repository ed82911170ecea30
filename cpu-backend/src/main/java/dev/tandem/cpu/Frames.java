package dev.tandem.cpu;

import java.lang.classfile.ClassFile;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;
import java.lang.classfile.TypeKind;
import java.lang.classfile.attribute.StackMapFrameInfo;
import java.lang.classfile.attribute.StackMapFrameInfo.ObjectVerificationTypeInfo;
import java.lang.classfile.attribute.StackMapFrameInfo.SimpleVerificationTypeInfo;
import java.lang.classfile.attribute.StackMapFrameInfo.VerificationTypeInfo;
import java.lang.classfile.attribute.StackMapTableAttribute;
import java.lang.constant.ClassDesc;
import java.lang.constant.MethodTypeDesc;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * What the locals of a generated method hold where branches meet, which the verifier wants to be told (JVMS 4.10.1). The class file API
 * would find it out by walking through all instructions: in a JVM that has just begun, that took as long as all else in the making of a
 * kernel, and C2 compiled it while kernels waited. The generators know anyway. No branch is taken with anything on the stack.
 */
final class Frames {
  /** Makes classes whose methods have {@link #end ended} their frames themselves, or have no branches. */
  static final ClassFile GIVEN = ClassFile.of(ClassFile.StackMapsOption.DROP_STACK_MAPS);

  private final CodeBuilder code;
  private final List<StackMapFrameInfo> frames = new ArrayList<>();
  private VerificationTypeInfo[] slots = new VerificationTypeInfo[64];

  /** With {@code this} and the parameters, in this order. */
  Frames(CodeBuilder code, ClassDesc self, MethodTypeDesc parameters) {
    this.code = code;
    Arrays.fill(slots, SimpleVerificationTypeInfo.TOP);
    local(0, self);
    int slot = 1;
    for (ClassDesc p : parameters.parameterList()) {
      local(slot, p);
      slot += TypeKind.from(p).slotSize();
    }
  }

  /** From here on {@code slot} holds a value of a type. */
  void local(int slot, ClassDesc type) {
    if (slot >= slots.length) {
      int old = slots.length;
      slots = Arrays.copyOf(slots, 2 * slot);
      Arrays.fill(slots, old, slots.length, SimpleVerificationTypeInfo.TOP);
    }
    slots[slot] = switch (TypeKind.from(type)) {
      case BOOLEAN, BYTE, CHAR, SHORT, INT -> SimpleVerificationTypeInfo.INTEGER;
      case LONG -> SimpleVerificationTypeInfo.LONG;
      case FLOAT -> SimpleVerificationTypeInfo.FLOAT;
      case DOUBLE -> SimpleVerificationTypeInfo.DOUBLE;
      case REFERENCE -> ObjectVerificationTypeInfo.of(code.constantPool().classEntry(type));
      case VOID -> throw new IllegalArgumentException("no local is void");
    };
  }

  /** What the locals hold now, for {@link #back}. */
  VerificationTypeInfo[] now() {
    return slots.clone();
  }

  /** From here on the locals hold what they held then. */
  void back(VerificationTypeInfo[] then) {
    slots = then.clone();
  }

  /** A label that branches lead to with the locals as they are now. */
  void bind(Label label) {
    code.labelBinding(label);
    List<VerificationTypeInfo> locals = new ArrayList<>();
    int last = slots.length;
    while (last > 0 && slots[last - 1] == SimpleVerificationTypeInfo.TOP) {
      last--;
    }
    for (int i = 0; i < last; i++) {
      locals.add(slots[i]);
      // The second slot of two is not named.
      if (slots[i] == SimpleVerificationTypeInfo.LONG || slots[i] == SimpleVerificationTypeInfo.DOUBLE) {
        i++;
      }
    }
    frames.add(StackMapFrameInfo.of(label, locals, List.of()));
  }

  /** Ends the method. */
  void end() {
    code.with(StackMapTableAttribute.of(frames));
  }
}
