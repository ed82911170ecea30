package dev.tandem.benchmarks.workload;

import dev.tandem.core.data.Batch;
import dev.tandem.core.nn.Activations;
import dev.tandem.core.nn.BatchNorm2d;
import dev.tandem.core.nn.Conv2d;
import dev.tandem.core.nn.ConvOptions;
import dev.tandem.core.nn.GlobalAvgPool2d;
import dev.tandem.core.nn.Initializers;
import dev.tandem.core.nn.Linear;
import dev.tandem.core.nn.MaxPool2d;
import dev.tandem.core.nn.Module;
import dev.tandem.core.nn.Sequential;
import dev.tandem.core.optim.Optimizer;
import dev.tandem.core.optim.Sgd;
import dev.tandem.core.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Residual networks (He, Zhang, Ren and Sun, "Deep residual learning for image recognition", 2016) as torchvision has
 * them, the stride of a bottleneck in its 3×3 convolution, trained with SGD and momentum.
 *
 * @param size side of the images
 */
public record ResNet(String name, Depth depth, Stem stem, int batch, int size) implements Workload {
  /** The two depths. */
  public enum Depth {
    /** Blocks of two 3×3 convolutions. */
    D18(1, 2, 2, 2, 2),
    /** Blocks that narrow, convolve and widen. */
    D50(4, 3, 4, 6, 3);

    private final int expansion;
    private final List<Integer> blocks;

    Depth(int expansion, Integer... blocks) {
      this.expansion = expansion;
      this.blocks = List.of(blocks);
    }
  }

  /** What comes before the blocks, and how many classes after them. */
  public enum Stem {
    /** A convolution 7×7 of stride 2 and maxima of 3×3, for 1000 classes. */
    IMAGENET(1000, 7, 2),
    /** A convolution 3×3, for 10 classes. */
    SMALL(10, 3, 1);

    private final int classes;
    private final int kernel;
    private final int stride;

    Stem(int classes, int kernel, int stride) {
      this.classes = classes;
      this.kernel = kernel;
      this.stride = stride;
    }
  }

  private static final int WIDTH = 64;
  private static final int SMALLEST = 8;
  /** Scale of a block's last normalisation. With 1 so deep a network multiplies rounding errors until losses differ. */
  private static final float BRANCH_SCALE = 0.25f;

  public ResNet {
    if (size < SMALLEST) {
      throw new IllegalArgumentException(name + " wants images of at least " + SMALLEST + " pixels, not " + size);
    }
  }

  /** Without a bias, as the normalisation after it has one. */
  private static Conv2d convolution(int in, int out, int kernel, int stride) {
    return new Conv2d(in, out, kernel, ConvOptions.DEFAULT.withStride(stride).withPadding(kernel / 2).withBias(false)
        .withWeightInit(Initializers.heNormal()));
  }

  private static final class ResidualBlock extends Module {
    private final List<Conv2d> convolutions = new ArrayList<>();
    private final List<BatchNorm2d> norms = new ArrayList<>();
    private final @Nullable Module downsample;

    ResidualBlock(Depth depth, int in, int width, int stride) {
      int out = width * depth.expansion;
      if (depth == Depth.D18) {
        add(convolution(in, width, 3, stride), width);
        add(convolution(width, out, 3, 1), out);
      } else {
        add(convolution(in, width, 1, 1), width);
        add(convolution(width, width, 3, stride), width);
        add(convolution(width, out, 1, 1), out);
      }
      downsample = in == out && stride == 1
          ? null
          : child("downsample", new Sequential(convolution(in, out, 1, stride), new BatchNorm2d(out)));
    }

    private void add(Conv2d convolution, int channels) {
      int number = convolutions.size() + 1;
      convolutions.add(child("conv" + number, convolution));
      norms.add(child("bn" + number, new BatchNorm2d(channels)));
    }

    @Override
    protected Tensor forward(Tensor x) {
      Tensor y = x;
      for (int i = 0; i < convolutions.size(); i++) {
        y = norms.get(i).apply(convolutions.get(i).apply(i == 0 ? y : Activations.relu(y)));
      }
      return Activations.relu(y.add(downsample == null ? x : downsample.apply(x)));
    }
  }

  private static final class Model extends Module {
    private final Conv2d conv1;
    private final BatchNorm2d bn1;
    private final @Nullable MaxPool2d maxpool;
    private final List<Module> layers = new ArrayList<>();
    private final GlobalAvgPool2d avgpool;
    private final Linear fc;

    Model(Depth depth, Stem stem) {
      conv1 = child("conv1", convolution(3, WIDTH, stem.kernel, stem.stride));
      bn1 = child("bn1", new BatchNorm2d(WIDTH));
      maxpool = stem == Stem.IMAGENET ? child("maxpool", new MaxPool2d(3, 2, 1)) : null;
      int in = WIDTH;
      int width = WIDTH;
      for (int blocks : depth.blocks) {
        Module[] layer = new Module[blocks];
        for (int i = 0; i < blocks; i++) {
          layer[i] = new ResidualBlock(depth, in, width, i == 0 && !layers.isEmpty() ? 2 : 1);
          in = width * depth.expansion;
        }
        layers.add(child("layer" + (layers.size() + 1), new Sequential(layer)));
        width *= 2;
      }
      avgpool = child("avgpool", new GlobalAvgPool2d());
      fc = child("fc", new Linear(in, stem.classes));
    }

    @Override
    protected Tensor forward(Tensor images) {
      Tensor x = Activations.relu(bn1.apply(conv1.apply(images)));
      x = maxpool == null ? x : maxpool.apply(x);
      for (Module layer : layers) {
        x = layer.apply(x);
      }
      return fc.apply(avgpool.apply(x));
    }
  }

  @Override
  public String description() {
    return "ResNet-" + depth.name().substring(1) + ", images " + size + "x" + size + ", SGD with momentum, batch "
        + batch;
  }

  @Override
  public Workload withBatch(int samples) {
    return new ResNet(name, depth, stem, samples, size);
  }

  @Override
  public Workload withSize(int side) {
    return new ResNet(name, depth, stem, batch, side);
  }

  @Override
  public Module model() {
    return new Model(depth, stem);
  }

  /** Damps the residual branches, as Goyal et al. ("Accurate, large minibatch SGD", 2017, section 5.1) do with 0. */
  @Override
  public void initialize(Module model) {
    String last = depth == Depth.D18 ? ".bn2.weight" : ".bn3.weight";
    model.parameters().forEach((path, p) -> {
      if (path.endsWith(last)) {
        float[] scale = new float[p.shape().dim(0)];
        Arrays.fill(scale, BRANCH_SCALE);
        p.tensor().write(scale);
      }
    });
  }

  @Override
  public Optimizer optimizer() {
    return new Sgd(1e-3, 0.9);
  }

  @Override
  public Batch data() {
    return Batch.of(new SplitMix64(INPUTS).floats(batch, 3, size, size),
        new SplitMix64(LABELS).integers(stem.classes, batch));
  }

  private static int halved(int side) {
    return (side + 1) / 2;
  }

  /** Of each convolution the pixels of its output times its weights; at last the logits. */
  @Override
  public long multiplyAdds() {
    int side = stem == Stem.IMAGENET ? halved(halved(size)) : size;
    long image = 0;
    int in = WIDTH;
    int width = WIDTH;
    for (int stage = 0; stage < depth.blocks.size(); stage++) {
      for (int i = 0; i < depth.blocks.get(stage); i++) {
        int before = side;
        side = i == 0 && stage > 0 ? halved(side) : side;
        long pixels = (long) side * side;
        int out = width * depth.expansion;
        image += depth == Depth.D18
            ? pixels * 9 * width * (in + width)
            : (long) before * before * in * width + pixels * (9L * width * width + (long) width * out);
        image += in == out && side == before ? 0 : pixels * in * out;
        in = out;
      }
      width *= 2;
    }
    return firstMultiplyAdds() + batch * (image + (long) in * stem.classes);
  }

  @Override
  public long firstMultiplyAdds() {
    long side = stem == Stem.IMAGENET ? halved(size) : size;
    return batch * side * side * WIDTH * 3 * stem.kernel * stem.kernel;
  }
}
