package dev.tandem.benchmarks.workload;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tandem.core.nn.Summary;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.HostArray;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class WorkloadTest {
  /** Those of the residual networks are torchvision's, with 10 classes those that papers on CIFAR-10 give. */
  private static final Map<String, Long> PARAMETERS = Map.ofEntries(Map.entry("mlp128", 535_818L),
      Map.entry("mlp8192", 535_818L), Map.entry("cnn", 1_199_882L), Map.entry("lstm", 360_544L),
      Map.entry("lstm1024", 4_569_184L), Map.entry("resnet18-32", 11_173_962L), Map.entry("resnet18-224", 11_689_512L),
      Map.entry("resnet50-32", 23_520_842L), Map.entry("resnet50-224", 25_557_032L),
      Map.entry("transformer", 10_819_680L));

  static Stream<Workload> all() {
    return Workload.all().stream();
  }

  static Workload named(String name) {
    return all().filter(w -> w.name().equals(name)).findFirst().orElseThrow();
  }

  @ParameterizedTest
  @MethodSource("all")
  void hasAsManyParametersAsItShould(Workload workload) {
    assertThat(workload.model().parameterCount()).isEqualTo(PARAMETERS.get(workload.name()));
  }

  /** At full size, for nothing is computed. */
  @ParameterizedTest
  @MethodSource("all")
  void countsTheWorkThatItsModelDoes(Workload full) {
    Workload workload = full.withBatch(2);
    HostArray inputs = workload.data().get(0);
    Summary summary = Summary.of(workload.model(), inputs.spec());

    assertThat(workload.multiplyAdds()).isEqualTo(summary.multiplyAdds());
    long first = summary.rows().stream().mapToLong(Summary.Row::multiplyAdds).filter(n -> n > 0).findFirst().orElse(0);
    assertThat(workload.firstMultiplyAdds()).isEqualTo(inputs.dtype() == DType.F32 ? first : 0);
  }

  @Test
  void namesStateAsPyTorchDoes() {
    assertThat(named("mlp128").model().state().keySet()).containsExactly("0.weight", "0.bias", "2.weight", "2.bias",
        "4.weight", "4.bias");
    assertThat(named("lstm").model().state().keySet()).containsExactlyInAnyOrder("embedding.weight",
        "lstm.weight_ih_l0", "lstm.weight_hh_l0", "lstm.bias_ih_l0", "lstm.bias_hh_l0", "output.weight", "output.bias");
    assertThat(named("resnet50-224").model().state().keySet()).contains("conv1.weight", "bn1.running_var",
        "layer1.0.conv3.weight", "layer1.0.downsample.0.weight", "layer1.0.downsample.1.running_mean",
        "layer4.2.bn3.bias", "fc.weight").doesNotContain("conv1.bias", "layer1.1.downsample.0.weight").hasSize(267);
    assertThat(named("transformer").model().state().keySet()).contains("position.weight",
        "encoder.layers.5.self_attn.in_proj_weight", "encoder.layers.0.self_attn.out_proj.bias",
        "encoder.layers.0.linear2.weight", "encoder.norm.weight").hasSize(78);
  }

  @Test
  void peersHaveAllOfThem() throws IOException {
    List<String> files = List.of(Files.readString(Path.of("peers", "compare")),
        Files.readString(Path.of("peers", "pytorch", "workloads.py")));
    List<String> missing = new ArrayList<>();
    all().map(w -> "\"" + w.name() + "\"").forEach(name -> files.stream().filter(f -> !f.contains(name))
        .forEach(f -> missing.add(name)));
    assertThat(missing).isEmpty();
  }

  @Test
  void saysWhichSizesItCannotHave() {
    assertThatThrownBy(() -> named("mlp128").withSize(32)).hasMessageContaining("mlp128").hasMessageContaining("28");
    assertThatThrownBy(() -> named("transformer").withSize(257)).hasMessageContaining("256 positions");
    assertThatThrownBy(() -> named("resnet18-32").withSize(4)).hasMessageContaining("at least 8");
  }
}
