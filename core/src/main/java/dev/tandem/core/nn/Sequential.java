package dev.tandem.core.nn;

import dev.tandem.core.tensor.Scope;
import dev.tandem.core.tensor.Tensor;
import java.util.List;

/** Modules one after another, named by position. Each intermediate result is freed as soon as the next layer has used it. */
public final class Sequential extends Module {
  private final List<Module> layers;

  public Sequential(Module... layers) {
    this.layers = List.of(layers);
    for (int i = 0; i < layers.length; i++) {
      child(Integer.toString(i), layers[i]);
    }
  }

  public List<Module> layers() {
    return layers;
  }

  @Override
  protected Tensor forward(Tensor input) {
    Scope scope = Scope.current();
    Tensor x = input;
    for (Module layer : layers) {
      Tensor y = layer.apply(x);
      if (scope != null && y.lease() != x.lease()) {
        scope.abandon(x, "when the next layer had it");
      }
      x = y;
    }
    return x;
  }
}
