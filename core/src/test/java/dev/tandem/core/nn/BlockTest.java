package dev.tandem.core.nn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tandem.core.shape.HostArray;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.tensor.Tensor;
import dev.tandem.core.testing.ReferenceBackend;
import java.util.Map;
import org.junit.jupiter.api.Test;

class BlockTest {
  private final Device device = new Device(new ReferenceBackend());

  /** Two inputs, one of them through a shared layer. */
  private static final class Pair extends Block {
    private final Linear left = child("left", new Linear(3, 4));
    private final Linear right = child("right", new Linear(3, 4));

    Tensor apply(Tensor a, Tensor b) {
      return frame(() -> left.apply(a).add(right.apply(b)));
    }
  }

  @Test
  void stateHasTheNamesAndShapesOfPyTorch() {
    Module model = new Sequential(new Linear(4, 8), new Relu(), new Sequential(new Linear(8, 2)));
    assertThat(model.state().keySet()).containsExactly("0.weight", "0.bias", "2.0.weight", "2.0.bias");
    assertThat(model.state().get("0.weight").shape().dims()).containsExactly(8, 4);
    assertThat(model.parameterCount()).isEqualTo(4 * 8 + 8 + 8 * 2 + 2);
  }

  @Test
  void addingALayerChangesNoOtherLayersValues() {
    Module small = new Sequential(new Linear(4, 8), new Relu()).on(device, 5);
    Module large = new Sequential(new Linear(4, 8), new Relu(), new Linear(8, 8)).on(device, 5);
    assertThat(large.state().get("0.weight").tensor().toArray())
        .containsExactly(small.state().get("0.weight").tensor().toArray());
    assertThat(large.state().get("2.weight").tensor().toArray())
        .doesNotContain(small.state().get("0.weight").tensor().toArray());
    Module other = new Sequential(new Linear(4, 8)).on(device, 6);
    assertThat(other.state().get("0.weight").tensor().toArray())
        .doesNotContain(small.state().get("0.weight").tensor().toArray());
  }

  @Test
  void aBlockOfTwoInputsOpensAFrameToo() {
    Pair pair = new Pair();
    pair.on(device, 1);
    Tensor x = Tensor.ones(device, 2, 3);
    assertThat(pair.apply(x, x).shape().dims()).containsExactly(2, 4);
    assertThatThrownBy(() -> pair.apply(x, Tensor.ones(device, 2, 5)))
        .hasMessageStartingWith("Pair.right: MatMul of [F32[2, 5], F32[3, 4]] on reference: "
            + "columns of the first (5) and rows of the second (3) disagree");
  }

  @Test
  void aRecipeSaysThatItHasNoValues() {
    Linear layer = new Linear(2, 3);
    assertThatThrownBy(() -> layer.apply(Tensor.ones(device, 1, 2))).isInstanceOf(IllegalStateException.class)
        .hasMessage("parameter weight [3, 2] has no values yet; call on(device, seed) on the model");
    assertThatThrownBy(layer::device).hasMessage("Linear is on no device yet; call on(device, seed)");
    assertThat(new Relu().apply(Tensor.ones(device, 2)).toArray()).as("no values, no device").containsExactly(1, 1);
    assertThatThrownBy(() -> layer.state().get("weight").tensor())
        .hasMessage("parameter weight [3, 2] has no values yet; call on(device, seed) on the model");
    layer.on(device, 1);
    assertThatThrownBy(() -> layer.on(device, 1))
        .hasMessage("Linear is already on reference; use loadState to give it other values");
  }

  @Test
  void stateMovesBetweenModels() {
    Module one = new Sequential(new Linear(4, 8), new Tanh(), new Linear(8, 2)).on(device, 1);
    Module two = new Sequential(new Linear(4, 8), new Tanh(), new Linear(8, 2)).on(device, 2);
    Tensor x = Tensor.ones(device, 3, 4);
    assertThat(two.apply(x).toArray()).isNotEqualTo(one.apply(x).toArray());
    two.loadState(one.stateToHost());
    assertThat(two.apply(x).toArray()).containsExactly(one.apply(x).toArray());
  }

  @Test
  void stateThatDoesNotFitChangesNothing() {
    Module model = new Sequential(new Linear(4, 8), new Linear(8, 2)).on(device, 1);
    Map<String, HostArray> state = model.stateToHost();
    float[] before = model.state().get("0.weight").tensor().toArray();
    state.put("0.weight", HostArray.of(new float[32], 8, 4));
    state.put("1.bias", HostArray.of(new float[3], 3));
    state.put("fc.weight", HostArray.of(new float[3], 3));
    state.remove("0.bias");
    assertThatThrownBy(() -> model.loadState(state)).isInstanceOf(IllegalArgumentException.class).hasMessage(
        "these values do not fit Sequential: 0.bias is missing, 1.bias is F32[3] instead of F32[2], fc.weight is unknown");
    assertThat(model.state().get("0.weight").tensor().toArray()).containsExactly(before);
  }

  @Test
  void namesAreChecked() {
    assertThatThrownBy(() -> new Block() {
      {
        child("a.b", new Relu());
      }
    }).hasMessageContaining("\"a.b\" cannot name a part of");
    assertThatThrownBy(() -> new Block() {
      {
        child("a", new Relu());
        child("a", new Relu());
      }
    }).hasMessageContaining("already has a part named a");
  }

  @Test
  void aSharedLayerHasOneSetOfValues() {
    Linear shared = new Linear(4, 4);
    Module model = new Sequential(shared, new Relu(), shared).on(device, 1);
    assertThat(model.parameterCount()).isEqualTo(20);
    assertThat(model.state().get("0.weight")).isSameAs(model.state().get("2.weight"));
  }
}
