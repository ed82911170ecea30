package dev.tandem.core.data;

import dev.tandem.core.shape.Spec;
import java.util.List;

/** Chosen samples of another dataset. */
final class Subset implements Dataset {
  private final Dataset all;
  private final int[] chosen;

  Subset(Dataset all, int[] chosen) {
    this.all = all;
    this.chosen = chosen;
    for (int index : chosen) {
      if (index < 0 || index >= all.size()) {
        throw new IndexOutOfBoundsException("sample " + index + " of a dataset of " + all.size());
      }
    }
  }

  @Override
  public long size() {
    return chosen.length;
  }

  @Override
  public List<Spec> specs() {
    return all.specs();
  }

  @Override
  public Batch batch(int[] indices) {
    return all.batch(there(indices));
  }

  @Override
  public Batch batch(int[] indices, Batch used) {
    return all.batch(there(indices), used);
  }

  private int[] there(int[] indices) {
    int[] there = new int[indices.length];
    for (int i = 0; i < indices.length; i++) {
      if (indices[i] < 0 || indices[i] >= chosen.length) {
        throw new IndexOutOfBoundsException("sample " + indices[i] + " of a dataset of " + chosen.length);
      }
      there[i] = chosen[indices[i]];
    }
    return there;
  }
}
