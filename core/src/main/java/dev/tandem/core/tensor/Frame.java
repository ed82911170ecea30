package dev.tandem.core.tensor;

import org.jspecify.annotations.Nullable;

/** Where in a model work is being done: a module's turn, a decomposition, a gradient rule. */
record Frame(@Nullable Frame parent, String name) {
  /** Names from the outermost frame on: {@code Sequential.1.fc}. */
  String path() {
    return parent == null ? name : parent.path() + "." + name;
  }

  static String path(@Nullable Frame frame) {
    return frame == null ? "" : frame.path();
  }
}
