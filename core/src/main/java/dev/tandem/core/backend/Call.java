package dev.tandem.core.backend;

import dev.tandem.core.op.Op;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One execution as data. Two steps that made equal calls did the same work on the same memory.
 *
 * @param scratch memory of as many bytes as {@link Backend#scratch} wanted; null when it wanted none
 */
public record Call(Op op, List<Operand> in, List<Operand> out, @Nullable Storage scratch) {
  public Call {
    in = List.copyOf(in);
    out = List.copyOf(out);
  }
}
