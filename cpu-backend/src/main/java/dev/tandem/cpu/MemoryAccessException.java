package dev.tandem.cpu;

import dev.tandem.core.backend.Call;

/** A kernel touched memory that it had no business with: a bug in the kernel, found by the checked mode. */
final class MemoryAccessException extends IndexOutOfBoundsException {
  private static final long serialVersionUID = 1;

  private MemoryAccessException(String message) {
    super(message);
  }

  /** @param place where the address is */
  static MemoryAccessException of(long address, long bytes, boolean write, String place) {
    return new MemoryAccessException(
        kernel() + (write ? " writes " : " reads ") + bytes + " bytes at 0x" + Long.toHexString(address) + ": "
            + place);
  }

  /** The same with the operation that it happened in. */
  MemoryAccessException in(Call call) {
    MemoryAccessException named = new MemoryAccessException(
        call.op().name() + " of " + call.in() + " to " + call.out() + ": " + getMessage());
    named.initCause(this);
    return named;
  }

  /** The innermost method, generated ones included, that is not of the checks. */
  private static String kernel() {
    return StackWalker.getInstance(StackWalker.Option.SHOW_HIDDEN_FRAMES)
        .walk(frames -> frames.filter(f -> isKernel(f.getClassName())).findFirst())
        .map(f -> f.getClassName().substring(f.getClassName().lastIndexOf('.', f.getClassName().indexOf('/') < 0
            ? f.getClassName().length() : f.getClassName().indexOf('/')) + 1) + "." + f.getMethodName())
        .orElse("something");
  }

  private static boolean isKernel(String name) {
    return !CheckedCode.isPartOfTheChecks(name) && !name.equals(Memory.class.getName());
  }
}
