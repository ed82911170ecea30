package dev.tandem.core.nn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tandem.core.autograd.Tape;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.ShapeException;
import dev.tandem.core.shape.Spec;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.tensor.Scope;
import dev.tandem.core.tensor.StepArena;
import dev.tandem.core.tensor.Tensor;
import dev.tandem.core.testing.ReferenceBackend;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class SummaryTest {
  private static Module model() {
    return new Sequential(
        new Sequential(new Conv2d(1, 4, 3, ConvOptions.DEFAULT.withSamePadding()), new BatchNorm2d(4), new Relu()),
        new MaxPool2d(2), new Dropout(0.5), new Flatten(), new Linear(4 * 7 * 7, 10));
  }

  @Test
  void rowsSayWhatEachLayerMakesAndCosts() {
    Summary s = Summary.of(model(), 5, 1, 14, 14);
    long image = 5 * 4 * 14 * 14;
    assertThat(s.rows()).containsExactly(
        new Summary.Row("Sequential", "Sequential", List.of(Shape.of(5, 10)), 0, 0, 0),
        new Summary.Row("Sequential.0", "Sequential", List.of(Shape.of(5, 4, 14, 14)), 0, 0, 0),
        new Summary.Row("Sequential.0.0", "Conv2d", List.of(Shape.of(5, 4, 14, 14)), 4 * 9 + 4, image * 9, image * 4),
        new Summary.Row("Sequential.0.1", "BatchNorm2d", List.of(Shape.of(5, 4, 14, 14)), 8, 0, image * 4),
        new Summary.Row("Sequential.0.2", "Relu", List.of(Shape.of(5, 4, 14, 14)), 0, 0, image * 4),
        new Summary.Row("Sequential.1", "MaxPool2d", List.of(Shape.of(5, 4, 7, 7)), 0, 0, image),
        new Summary.Row("Sequential.2", "Dropout", List.of(Shape.of(5, 4, 7, 7)), 0, 0, 0),
        new Summary.Row("Sequential.3", "Flatten", List.of(Shape.of(5, 196)), 0, 0, 0),
        new Summary.Row("Sequential.4", "Linear", List.of(Shape.of(5, 10)), 1970, 5 * 196 * 10, 200));
    assertThat(s.parameters()).isEqualTo(4 * 9 + 4 + 8 + 1970);
    assertThat(s.multiplyAdds()).isEqualTo(image * 9 + 9800);
    assertThat(s.activationBytes()).isEqualTo(image * 13 + 200);
  }

  @Test
  void theTableIsReadable() {
    String[] lines = Summary.of(model(), 5, 1, 14, 14).toString().split("\n");
    assertThat(lines).hasSize(11);
    assertThat(lines[0]).isEqualTo(
        "layer       type         output          parameters  multiply-adds  activations");
    assertThat(lines[3]).isEqualTo(
        "    0.0     Conv2d       [5, 4, 14, 14]          40         35,280     15.3 KiB");
    assertThat(lines[9]).isEqualTo(
        "  4         Linear       [5, 10]              1,970          9,800        200 B");
    assertThat(lines[10]).isEqualTo(
        "total                                         2,018         45,080     50.0 KiB");
  }

  @Test
  void aRecipeStaysARecipe() {
    Module model = model();
    Summary.of(model, 2, 1, 14, 14);
    assertThatThrownBy(() -> model.parameters().get("4.weight").tensor()).isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("no values yet");
    assertThatThrownBy(model::device).isInstanceOf(IllegalStateException.class);
    Device device = new Device(new ReferenceBackend());
    assertThat(model.on(device, 1).apply(Tensor.ones(device, 1, 1, 14, 14)).shape()).isEqualTo(Shape.of(1, 10));
  }

  @Test
  void aModelOnADeviceIsNotTouchedEvenInsideATrainingStep() {
    Device device = new Device(new ReferenceBackend());
    Module model = model().on(device, 1);
    Map<String, HostArray> before = model.stateToHost();
    Tensor weight = model.parameters().get("4.weight").tensor();
    Summary outside = Summary.of(model, 2, 1, 14, 14);
    assertThat(outside).isEqualTo(Summary.of(model(), 2, 1, 14, 14));
    try (Scope _ = Scope.training(device, new StepArena(device, "test"), new Tape(), null, null)) {
      assertThat(Summary.of(model, 2, 1, 14, 14)).isEqualTo(outside);
    }
    assertThat(model.parameters().get("4.weight").tensor()).isSameAs(weight);
    assertThat(model.device()).isSameAs(device);
    model.stateToHost().forEach((path, values) -> assertThat(values.toFloats()).as(path)
        .containsExactly(before.get(path).toFloats()));
  }

  /** 64 GiB of parameters and as much for the input are no more work than small ones. */
  @Test
  void nothingIsAllocated() {
    Summary s = Summary.of(new Linear(1 << 17, 1 << 17), 1 << 17, 1 << 17);
    assertThat(s.multiplyAdds()).isEqualTo(1L << 51);
    assertThat(s.toString()).contains("65536.0 MiB");
  }

  @Test
  void sharedLayersCountTheirParametersOnce() {
    GraphBuilder g = new GraphBuilder();
    Linear shared = new Linear(3, 4);
    GraphBuilder.Node a = g.apply("fc", shared, g.input("a"));
    GraphBuilder.Node b = g.apply(shared, g.input("b"));
    g.output("y", g.apply(new Add(), a, b));
    Summary s = Summary.of(g.build(), Map.of("a", f32(2, 3), "b", f32(5, 1, 3)));
    assertThat(s.rows().stream().map(Summary.Row::parameters)).containsExactly(0L, 16L, 0L, 0L);
    assertThat(s.rows().stream().map(Summary.Row::path)).containsExactly("GraphModel", "GraphModel.fc", "GraphModel.fc",
        "GraphModel.add");
    assertThat(s.parameters()).isEqualTo(16);
    assertThat(s.multiplyAdds()).isEqualTo(2 * 12 + 5 * 12);
    assertThatThrownBy(() -> Summary.of(g.build(), Map.of("a", f32(2, 3)))).hasMessageContaining("[a, b]");
  }

  private static Spec f32(int... dims) {
    return new Spec(Shape.of(dims), DType.F32);
  }

  @Test
  void everyKindOfConvolutionIsCounted() {
    ConvOptions grouped = ConvOptions.DEFAULT.withGroups(2).withStride(2);
    assertThat(Summary.of(new Conv2d(4, 6, 3, grouped), 1, 4, 9, 9).multiplyAdds()).isEqualTo(6 * 4 * 4 * 2 * 9);
    assertThat(Summary.of(new ConvTranspose2d(4, 6, 3, grouped, 1), 1, 4, 5, 5).multiplyAdds())
        .as("each of 4 x 25 elements adds 3 channels of 3 x 3").isEqualTo(4 * 25 * 3 * 9);
    assertThat(Summary.of(new Conv1d(2, 3, 5), 2, 2, 9).multiplyAdds()).isEqualTo(2 * 3 * 5 * 2 * 5);
  }

  @Test
  void layersOfThisPackageRunOnShapesAlone() {
    for (Module layer : new Module[] {new LayerNorm(4), new RMSNorm(4), new GroupNorm(2, 4), new InstanceNorm(4),
        new BatchRenorm(4), new AdaptiveAvgPool2d(3), new GlobalAvgPool2d(),
        Upsample.toSize(5, 7, Upsample.Mode.NEAREST), new Upsample(2, Upsample.Mode.BILINEAR), new AvgPool2d(2),
        new Conv2d(4, 2, 2, ConvOptions.DEFAULT.withPadding(1).withPaddingMode(PaddingMode.REFLECT))}) {
      assertThat(Summary.of(layer, 2, 4, 4, 4).rows()).as(layer.toString()).hasSize(1);
    }
  }

  @Test
  void mistakesAreNamedAsInARun() {
    assertThatThrownBy(() -> Summary.of(model(), 2, 1, 12, 14)).isInstanceOf(ShapeException.class)
        .hasMessageContaining("Sequential.4");
    assertThatThrownBy(() -> Summary.of(model(), 2, 3, 14, 14)).isInstanceOf(ShapeException.class)
        .hasMessageContaining("Sequential.0.0").hasMessageContaining("[N, 1, H, W]");
    class Peeking extends Module {
      @Override
      protected Tensor forward(Tensor x) {
        return x.mul(x.sum().item());
      }
    }

    assertThatThrownBy(() -> Summary.of(new Peeking(), 2, 3)).isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("item()");
  }
}
