package dev.tandem.core.placeholder;

import org.jspecify.annotations.Nullable;

public record Placeholder(@Nullable String name) {
  public int length() { return name == null ? 0 : name.length(); }
}
