package dev.tandem.core.nn;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/** Like blocks on each other, named by position. */
final class BlockList<B extends Block> extends Block {
  private final List<B> blocks = new ArrayList<>();

  BlockList(int count, Supplier<B> block) {
    if (count < 1) {
      throw new IllegalArgumentException(count + " layers; there must be at least 1");
    }
    for (int i = 0; i < count; i++) {
      blocks.add(child(Integer.toString(i), block.get()));
    }
  }

  List<B> blocks() {
    return blocks;
  }
}
