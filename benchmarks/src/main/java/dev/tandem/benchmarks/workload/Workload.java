package dev.tandem.benchmarks.workload;

import dev.tandem.core.data.Batch;
import dev.tandem.core.nn.Losses;
import dev.tandem.core.nn.Module;
import dev.tandem.core.optim.Optimizer;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.tensor.Tensor;
import java.util.List;

/**
 * A model to train with its data, loss and optimizer. {@code peers/pytorch/workloads.py} has the same ones: a change here
 * is a change there, and {@code peers/compare} refuses to time two that give other losses.
 */
public sealed interface Workload permits Mlp, Cnn, CharacterLstm, ResNet, CausalTransformer {
  /** Streams of the generator that inputs and labels are drawn from. */
  long INPUTS = 1;
  long LABELS = 2;

  /** Every workload at the size that is reported. */
  static List<Workload> all() {
    return List.of(
        new Mlp("mlp128", 128), new Mlp("mlp8192", 8192),
        new Cnn("cnn", 64),
        new CharacterLstm("lstm", 256, 32, 64), new CharacterLstm("lstm1024", 1024, 256, 64),
        new ResNet("resnet18-32", ResNet.Depth.D18, ResNet.Stem.SMALL, 128, 32),
        new ResNet("resnet18-224", ResNet.Depth.D18, ResNet.Stem.IMAGENET, 128, 224),
        new ResNet("resnet50-32", ResNet.Depth.D50, ResNet.Stem.SMALL, 128, 32),
        new ResNet("resnet50-224", ResNet.Depth.D50, ResNet.Stem.IMAGENET, 128, 224),
        new CausalTransformer("transformer", 64, 256));
  }

  /** Short, the same for every size: {@code resnet50-224}. */
  String name();

  /** One line for people. */
  String description();

  /** Samples in a step: images, or sequences. */
  int batch();

  /** The side of images, or the length of sequences. */
  int size();

  /** This with another number of samples. */
  Workload withBatch(int samples);

  /**
   * This with larger or smaller inputs.
   *
   * @throws IllegalArgumentException if the model takes inputs of one size only, or none so small
   */
  Workload withSize(int size);

  /** A recipe of the model, with PyTorch's names. */
  Module model();

  /** Changes initial values of a model that is on a device. */
  default void initialize(Module model) {
  }

  /** A recipe of the optimizer. */
  Optimizer optimizer();

  /** Inputs and labels. */
  Batch data();

  /** Multiplications with an addition of one forward pass of a batch, in matrix products and convolutions. */
  long multiplyAdds();

  /** The part of {@link #multiplyAdds} in layers that read the data itself, whose gradient nobody wants. */
  long firstMultiplyAdds();

  /**
   * Floating-point operations of a training step, counted as is usual: two for each multiplication with its addition;
   * backward costs a forward pass for the gradient of the weights and another for that of the inputs. Elementwise work,
   * normalisation and optimizer are left out, and attention counts all pairs of positions though half are masked.
   */
  default long flopsPerStep() {
    return 2 * (3 * multiplyAdds() - firstMultiplyAdds());
  }

  /** What is counted per second: samples, or tokens where a sample is a sequence. */
  default String items() {
    return "samples";
  }

  /** How many {@link #items} a step has. */
  default long itemsPerStep() {
    return batch();
  }

  /** Mean cross entropy of logits {@code [N, C]} or {@code [N, T, C]} against labels {@code [N]} or {@code [N, T]}. */
  default Tensor loss(Tensor logits, Tensor labels) {
    Shape shape = logits.shape();
    int rows = Math.toIntExact(labels.shape().size());
    return Losses.crossEntropy().apply(logits.reshape(rows, shape.dim(-1)), labels.reshape(rows));
  }

  /** What {@link #withSize} is where inputs have one size. */
  default Workload requireSize(int wanted) {
    if (wanted != size()) {
      throw new IllegalArgumentException(
          name() + " has inputs of size " + size() + " only, not " + wanted + "; leave --size out");
    }
    return this;
  }
}
