package dev.tandem.core.backend;

import dev.tandem.core.op.Op;
import java.util.List;
import java.util.Objects;
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

  /** Whether both do the same work on the same operands. What scratch memory holds means nothing outside a call, so its place does not
   * count. */
  @Override
  public boolean equals(@Nullable Object o) {
    return o instanceof Call c && op.equals(c.op) && in.equals(c.in) && out.equals(c.out);
  }

  @Override
  public int hashCode() {
    return Objects.hash(op, in, out);
  }
}
