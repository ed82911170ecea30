package dev.tandem.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.tandem.core.shape.Layout;
import dev.tandem.core.shape.Shape;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Whoever does the work until vectors are compiled does it to the same bits. */
class ColdStartTest {
  private static final int INNER = 11;

  /** As users start it; the tests themselves run vectors from the first call on. */
  @Test
  void aFreshJvmTrainsToTheSameBits() throws IOException, InterruptedException {
    assertThat(WarmUp.SCALAR_FIRST).as("tandem.cpu.scalarFirst of the tests").isFalse();
    Process process = FreshJvm.start(List.of(), ColdStart.class);
    List<String> output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).lines()
        .filter(l -> !l.startsWith("WARNING")).toList();
    assertThat(process.waitFor()).as(output.toString()).isZero();
    assertThat(output).isEqualTo(ColdStart.train());
  }

  @Test
  void everyTileHasATwinOfTheSameBits() {
    assumeThat(Lanes.AVAILABLE).isTrue();
    SplittableRandom random = new SplittableRandom(7);
    for (TileKernel.Layout layout : TileKernel.Layout.values()) {
      for (int vectors = 1; vectors <= 2; vectors++) {
        for (int rows = 1; rows <= Tiles.rows(layout, vectors); rows++) {
          for (int outer = 1; outer <= (layout == TileKernel.Layout.COLUMNS ? 2 : 1); outer++) {
            same(layout, rows, vectors, outer, random);
          }
        }
      }
    }
  }

  private static long address(StridedFloats o) {
    return PointwiseKernels.address(o.operand());
  }

  private static StridedFloats numbers(SplittableRandom random, int count) {
    return StridedFloats.random(random, Layout.contiguous(Shape.of(count)));
  }

  private static void same(TileKernel.Layout layout, int rows, int vectors, int outer, SplittableRandom random) {
    int columns = vectors * Tiles.LANES;
    // Rows of A one number longer than they need be, and of B.
    int pitch = Math.max(INNER, rows) + 1;
    StridedFloats a = numbers(random, Math.max(rows, outer * INNER) * pitch);
    StridedFloats b = numbers(random, outer * INNER * (columns + 1) + columns);
    StridedFloats before = numbers(random, rows * columns);
    float[][] results = new float[3][];
    List<TileKernel> tiles = List.of(TileGenerator.generate(rows, vectors, layout, false),
        new ScalarTile(rows, vectors, layout, true), TileGenerator.generate(rows, vectors, layout, true));
    for (int i = 0; i < results.length; i++) {
      StridedFloats c = before.copy();
      TileKernel tile = tiles.get(i);
      long aInner = layout == TileKernel.Layout.OFFSETS ? Tiles.steps(INNER) : 4L * pitch;
      tile.run(outer, INNER, address(a), 4L * pitch, aInner, 4L * pitch * INNER, address(b), 4L * (columns + 1),
          4L * (columns + 1) * INNER, address(c), 4L * columns);
      results[i] = c.toArray();
    }
    assertThat(results[1]).as("%s, %d rows, %d vectors, %d x %d", layout, rows, vectors, outer, INNER)
        .isEqualTo(results[0]);
    float[] added = before.toArray();
    for (int i = 0; i < added.length; i++) {
      added[i] += results[0][i];
    }
    assertThat(results[2]).as("%s, %d rows, %d vectors, %d x %d, added", layout, rows, vectors, outer, INNER)
        .isEqualTo(added);
  }
}
