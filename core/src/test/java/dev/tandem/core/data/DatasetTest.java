package dev.tandem.core.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.shape.Spec;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class DatasetTest {
  /** Sample i is ({i, 10 i}, i). */
  private static Dataset numbered(int n) {
    float[] pairs = new float[2 * n];
    for (int i = 0; i < n; i++) {
      pairs[2 * i] = i;
      pairs[2 * i + 1] = 10 * i;
    }
    return new ArrayDataset(HostArray.of(pairs, n, 2), HostArray.of(IntStream.range(0, n).toArray(), n));
  }

  private static int[] labels(Dataset dataset) {
    return dataset.batch(IntStream.range(0, (int) dataset.size()).toArray()).get(1).toInts();
  }

  @Test
  void aBatchKnowsItsSizeAndWhatASampleIs() {
    Batch batch = Batch.of(HostArray.zeros(DType.U8, 3, 28, 28), HostArray.zeros(DType.I32, 3));
    assertThat(batch.size()).isEqualTo(3);
    assertThat(batch.specs()).containsExactly(new Spec(Shape.of(28, 28), DType.U8), new Spec(Shape.of(), DType.I32));
    assertThat(batch.get(1).spec()).hasToString("I32[3]");
  }

  @Test
  void fieldsOfABatchMustAgreeInTheNumberOfSamples() {
    assertThatThrownBy(() -> Batch.of(HostArray.zeros(DType.F32, 3, 2), HostArray.zeros(DType.I32, 4)))
        .isInstanceOf(ShapeException.class)
        .hasMessage(
            "field 0 of a batch is F32[3, 2] and field 1 is I32[4]; their first dimensions, the samples, must be"
                + " equal");
    assertThatThrownBy(() -> Batch.of(HostArray.zeros(DType.F32)))
        .hasMessageContaining("field 0 of a batch is the scalar F32[]");
    assertThatThrownBy(() -> Batch.of()).hasMessage("a batch without fields");
  }

  @ParameterizedTest
  @EnumSource
  void rowsAreCopiedInTheOrderAskedForInEveryDtype(DType dtype) {
    HostArray source = HostArray.zeros(dtype, 5, 3);
    for (int i = 0; i < 15; i++) {
      source.set(i, dtype == DType.BOOL ? i % 2 : i);
    }
    HostArray rows = new ArrayDataset(source).batch(new int[] {4, 0, 4}).get(0);
    assertThat(rows.spec()).isEqualTo(new Spec(Shape.of(3, 3), dtype));
    double[] expected = {12, 13, 14, 0, 1, 2, 12, 13, 14};
    for (int i = 0; i < 9; i++) {
      assertThat(rows.get(i)).isEqualTo(dtype == DType.BOOL ? expected[i] % 2 : expected[i]);
    }
    rows.set(0, 1 - rows.get(0));
    assertThat(source.get(12)).as("a batch is memory of its own").isEqualTo(dtype == DType.BOOL ? 0 : 12);
  }

  @Test
  void noSamplesMakeAnEmptyBatchAndWrongIndicesAreNamed() {
    Dataset dataset = numbered(5);
    assertThat(dataset.batch(new int[0]).get(0).spec()).hasToString("F32[0, 2]");
    assertThatThrownBy(() -> dataset.batch(new int[] {1, 5})).isInstanceOf(IndexOutOfBoundsException.class)
        .hasMessage("sample 5 of a dataset of 5");
    assertThatThrownBy(() -> dataset.batch(new int[] {-1})).hasMessage("sample -1 of a dataset of 5");
    Dataset subset = dataset.subset(new int[] {3});
    assertThatThrownBy(() -> subset.batch(new int[] {3})).hasMessage("sample 3 of a dataset of 1");
    assertThatThrownBy(() -> dataset.subset(new int[] {5})).hasMessage("sample 5 of a dataset of 5");
  }

  @Test
  void aSubsetIsRenumbered() {
    int[] chosen = {7, 2, 2};
    Dataset subset = numbered(10).subset(chosen);
    chosen[0] = 0;
    assertThat(subset.size()).isEqualTo(3);
    assertThat(subset.batch(new int[] {2, 1, 0}).get(0).toFloats()).containsExactly(2, 20, 2, 20, 7, 70);
  }

  @Test
  void aSplitIsDisjointCompleteAndReproducible() {
    Split split = numbered(103).split(0.8, 7);
    assertThat(split.train().size()).isEqualTo(82);
    assertThat(split.test().size()).isEqualTo(21);
    List<Integer> all = new ArrayList<>();
    for (Dataset part : List.of(split.train(), split.test())) {
      for (int label : labels(part)) {
        all.add(label);
      }
    }
    assertThat(all).containsExactlyInAnyOrderElementsOf(IntStream.range(0, 103).boxed().toList());
    assertThat(labels(split.train())).isEqualTo(labels(numbered(103).split(0.8, 7).train()))
        .as("taken from everywhere, not the first 82").isNotEqualTo(IntStream.range(0, 82).toArray());
    assertThat(labels(split.train())).isNotEqualTo(labels(numbered(103).split(0.8, 8).train()));
  }

  @Test
  void aSplitWithAnEmptyPartIsRefused() {
    for (double fraction : new double[] {0, 1, -1, 2, Double.NaN, 0.01, 0.99}) {
      assertThatThrownBy(() -> numbered(10).split(fraction, 1)).isInstanceOf(IllegalArgumentException.class)
          .hasMessage("a split of 10 samples at fraction " + fraction + " leaves one part empty");
    }
  }

  @Test
  void aMappedDatasetKnowsItsNewSpecs() {
    Dataset doubled = numbered(4).map(batch -> Batch.of(batch.get(1)));
    assertThat(doubled.specs()).containsExactly(new Spec(Shape.of(), DType.I32));
    assertThat(doubled.batch(new int[] {3, 1}).get(0).toInts()).containsExactly(3, 1);
    assertThat(numbered(0).map(0, Normalize.pixels()).specs()).isEqualTo(numbered(4).specs());
  }

  @Test
  void aTransformationMustKeepNumberAndKindOfSamples() {
    assertThatThrownBy(() -> numbered(4).map(batch -> Batch.of(HostArray.zeros(DType.F32, 7))))
        .isInstanceOf(ShapeException.class)
        .hasMessage("a transformation made 7 samples of 1; it must keep their number");
    Dataset fickle = numbered(4).map(batch -> Batch.of(HostArray.zeros(DType.F32, batch.size(), batch.size())));
    assertThatThrownBy(() -> fickle.batch(new int[] {0, 1}))
        .hasMessage(
            "a transformation made samples of [F32[2]] that made [F32[1]] of the first sample; they must be of one"
                + " kind");
    assertThatThrownBy(() -> numbered(4).map(2, Normalize.pixels())).isInstanceOf(IndexOutOfBoundsException.class)
        .hasMessage("field 2 of samples with 2 fields: [F32[2], I32[]]");
  }

  @Test
  void pixelsGoFromZeroToOne() {
    Dataset images =
        new ArrayDataset(HostArray.of(new byte[] {0, 1, (byte) 128, (byte) 255}, 2, 2)).map(0, Normalize.pixels());
    assertThat(images.batch(new int[] {1, 0}).get(0).toFloats()).containsExactly(128 / 255f, 1, 0, 1 / 255f);
  }

  @ParameterizedTest
  @EnumSource(names = "BOOL", mode = EnumSource.Mode.EXCLUDE)
  void standardizedColumnsHaveMeanZeroAndDeviationOne(DType dtype) {
    // 2,500 samples: more than one chunk of the measurement. Column 1 is constant. BF16 has 8 bits, so its values stay
    // below 256.
    int n = 2500;
    HostArray table = HostArray.zeros(dtype, n, 3);
    for (int i = 0; i < n; i++) {
      table.set(3L * i, i * 7 % 251);
      table.set(3L * i + 1, 9);
      table.set(3L * i + 2, i % 2);
    }
    Dataset dataset = new ArrayDataset(table);
    Normalize normalize = Normalize.perColumn(dataset, 0);
    assertThat(normalize.mean()[1]).isEqualTo(9);
    assertThat(normalize.std()[1]).isEqualTo(1);
    assertThat(normalize.mean()[2]).isEqualTo(0.5);
    assertThat(normalize.std()[2]).isEqualTo(0.5);
    HostArray all = dataset.map(0, normalize).batch(IntStream.range(0, n).toArray()).get(0);
    double sum = 0;
    double squares = 0;
    for (long i = 0; i < n; i++) {
      sum += all.get(3 * i);
      squares += all.get(3 * i) * all.get(3 * i);
      assertThat(all.get(3 * i + 1)).isZero();
      assertThat(all.get(3 * i + 2)).isEqualTo(i % 2 == 0 ? -1 : 1);
    }
    // Results are floats of size 1: each is off by at most 6e-8, and so are their means.
    assertThat(sum / n).isBetween(-1e-7, 1e-7);
    assertThat(squares / n).isBetween(1 - 1e-6, 1 + 1e-6);
  }

  @Test
  void measuringDoesNotCancelAtALargeMean() {
    // Squares of 1e9 have 18 digits of the 16 that a double keeps: without the shift nothing of the variance is left.
    Dataset dataset = new ArrayDataset(HostArray.of(new double[] {1e9, 1e9 + 1, 1e9 + 2, 1e9 + 3}, 4));
    Normalize normalize = Normalize.overall(dataset, 0);
    assertThat(normalize.mean()).containsExactly(1e9 + 1.5);
    assertThat(normalize.std()).containsExactly(Math.sqrt(1.25));
    assertThat(normalize.apply(dataset.batch(new int[] {3}).get(0)).toFloats())
        .containsExactly((float) (1.5 / Math.sqrt(1.25)));
  }

  @Test
  void channelsOfImagesAreTheFirstAxisOfASample() {
    float[] values = {1, 3, 10, 30, /**/ 1, 3, 10, 30};
    Dataset dataset = new ArrayDataset(HostArray.of(values, 2, 2, 1, 2));
    Normalize normalize = Normalize.perColumn(dataset, 0);
    assertThat(normalize.mean()).containsExactly(2, 20);
    assertThat(normalize.std()).containsExactly(1, 10);
    assertThat(dataset.map(0, normalize).batch(new int[] {1}).get(0).toFloats()).containsExactly(-1, 1, -1, 1);
  }

  @Test
  void normalizingRefusesWhatDoesNotFit() {
    Normalize two = new Normalize(new double[] {0, 1}, new double[] {1, 1});
    assertThatThrownBy(() -> two.apply(HostArray.zeros(DType.F32, 4, 3)))
        .hasMessage("2 means for F32[4, 3]; axis 1 must have that size");
    assertThatThrownBy(() -> two.apply(HostArray.zeros(DType.F32, 2)))
        .hasMessage("2 means for F32[2]; axis 1 must have that size");
    assertThatThrownBy(() -> two.apply(HostArray.zeros(DType.BOOL, 4, 2)))
        .hasMessageContaining("truth values are no numbers");
    assertThatThrownBy(() -> new Normalize(new double[] {0}, new double[] {0}))
        .hasMessageContaining("the deviation not 0");
    assertThatThrownBy(() -> new Normalize(new double[1], new double[2]))
        .hasMessageContaining("1 means and 2 standard deviations");
    assertThatThrownBy(() -> Normalize.perColumn(numbered(3), 1))
        .hasMessage("field 1 is I32[], which has no columns; use overall");
    assertThatThrownBy(() -> Normalize.overall(numbered(0), 0))
        .hasMessageContaining("no elements to measure in field 0 of 0 samples");
  }
}
