package dev.tandem.benchmarks.work;

import dev.tandem.benchmarks.work.Work.Convolution;
import dev.tandem.benchmarks.work.Work.Elementwise;
import dev.tandem.benchmarks.work.Work.MatMul;
import dev.tandem.benchmarks.work.Work.Normalization;
import dev.tandem.benchmarks.work.Work.Pooling;
import dev.tandem.benchmarks.work.Work.Probability;
import dev.tandem.benchmarks.work.Work.Recurrence;
import dev.tandem.benchmarks.work.Work.Reduction;
import dev.tandem.benchmarks.work.Work.Training;
import dev.tandem.benchmarks.workload.CharacterLstm;
import dev.tandem.benchmarks.workload.Cnn;
import dev.tandem.benchmarks.workload.Mlp;
import dev.tandem.benchmarks.workload.ResNet;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The work that is reported: sizes that training has. */
public final class Works {
  private static final int[][] PRODUCTS = {{64, 64, 64}, {128, 128, 128}, {256, 256, 256}, {512, 512, 512},
      {1024, 1024, 1024}, {2048, 2048, 2048}, {64, 512, 784}, {128, 512, 784}, {128, 10, 512}, {32, 1024, 256}};

  /** Batch, channels, side, channels of the output, kernel, stride, padding. */
  private static final int[][] CONVOLUTIONS = {
      // Alone.
      {32, 64, 28, 64, 3, 1, 1}, {32, 1, 28, 32, 5, 1, 2}, {32, 32, 26, 64, 3, 1, 0}, {32, 64, 56, 128, 3, 2, 1},
      {32, 256, 28, 64, 1, 1, 0}, {32, 128, 14, 128, 3, 1, 1},
      // Of a ResNet-18 for images of 32 x 32.
      {64, 3, 32, 64, 3, 1, 1}, {64, 64, 32, 64, 3, 1, 1}, {64, 64, 32, 128, 3, 2, 1}, {64, 64, 32, 128, 1, 2, 0},
      {64, 128, 16, 128, 3, 1, 1}, {64, 256, 8, 256, 3, 1, 1}, {64, 512, 4, 512, 3, 1, 1},
      // And of 224 x 224.
      {8, 3, 224, 64, 7, 2, 3}, {8, 64, 56, 64, 3, 1, 1}, {8, 64, 56, 128, 3, 2, 1}, {8, 128, 28, 128, 3, 1, 1},
      {8, 256, 14, 256, 3, 1, 1}, {8, 512, 7, 512, 3, 1, 1}};

  private static final Map<String, Work> ALL = catalogue();

  private Works() {
  }

  private static Map<String, Work> catalogue() {
    List<Work> all = new ArrayList<>();
    for (int[] p : PRODUCTS) {
      for (int transposed = 0; transposed < 4; transposed++) {
        all.add(new MatMul(transposed >= 2, transposed % 2 == 1, p[0], p[1], p[2]));
      }
    }
    for (Elementwise.Function function : Elementwise.Function.values()) {
      for (int size : new int[] {1 << 14, 1 << 20, 1 << 24}) {
        all.add(new Elementwise(function, size));
      }
    }
    for (Reduction.Over over : Reduction.Over.values()) {
      all.add(new Reduction(over, 1024, 1024));
      all.add(new Reduction(over, 8192, 512));
    }
    for (Probability.Kind kind : Probability.Kind.values()) {
      all.add(new Probability(kind, 128, 10));
      all.add(new Probability(kind, 1024, 1024));
    }
    for (int[] c : CONVOLUTIONS) {
      all.add(new Convolution(c[0], c[1], c[2], c[3], c[4], c[5], c[6], false));
      all.add(new Convolution(c[0], c[1], c[2], c[3], c[4], c[5], c[6], true));
    }
    for (boolean isBackward : new boolean[] {false, true}) {
      all.add(new Pooling(Pooling.Kind.MAX, 64, 64, 24, 2, 2, 0, isBackward));
      all.add(new Pooling(Pooling.Kind.MAX, 8, 64, 112, 3, 2, 1, isBackward));
      all.add(new Pooling(Pooling.Kind.AVERAGE, 64, 64, 24, 2, 2, 0, isBackward));
      all.add(new Normalization(Normalization.Kind.BATCH, 64, 64, 32, isBackward));
      all.add(new Normalization(Normalization.Kind.LAYER, 2048, 512, 1, isBackward));
      all.add(new Normalization(Normalization.Kind.GROUP, 64, 64, 32, isBackward));
      for (Recurrence.Cell cell : Recurrence.Cell.values()) {
        all.add(new Recurrence(cell, 64, 64, 128, 256, isBackward));
        all.add(new Recurrence(cell, 32, 64, 64, 256, isBackward));
      }
    }
    all.add(new Training(new Mlp("mlp128", 128)));
    all.add(new Training(new Cnn("cnn", 64)));
    all.add(new Training(new CharacterLstm("lstm", 256, 32, 64)));
    all.add(new Training(new ResNet("resnet18-32", ResNet.Depth.D18, ResNet.Stem.SMALL, 64, 32)));
    Map<String, Work> byName = new LinkedHashMap<>();
    all.forEach(work -> byName.put(work.name(), work));
    return Collections.unmodifiableMap(byName);
  }

  /** In the order of reports. */
  public static Collection<Work> all() {
    return ALL.values();
  }

  /** @throws IllegalArgumentException if there is none of this name */
  public static Work of(String name) {
    Work work = ALL.get(name);
    if (work == null) {
      throw new IllegalArgumentException("no work is called '" + name + "'; benchmarks/run peers --list names all");
    }
    return work;
  }
}
