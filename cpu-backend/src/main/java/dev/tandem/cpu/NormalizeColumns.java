package dev.tandem.cpu;

import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.Operand;
import dev.tandem.core.op.Normalize;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.Layout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Normalisation where channels are innermost and every statistic is one of some neighbouring channels over all pixels of an image, or
 * of all images: batch, group and instance normalisation of channels-last images, batch normalisation of features.
 *
 * <p>An image is a matrix of pixels by channels, cut into parts of rows that follow from its shape. Forward, a part is read once, for
 * its sums of differences from a center and of their squares; those of the parts come together in double (Chan, Golub and LeVeque,
 * Updating formulae and a pairwise algorithm for computing sample variances, 1979). The center is the mean c of the part's first
 * rows, an eighth of it: whatever the numbers, these rows alone make the part's variance at least (c - mean)² / 7, so that the mean
 * square that is summed is at most eight times as large, and usually hardly larger. Then every image is read
 * once more to be scaled. Many images are shared by the team, each done as a whole; of few, the parts are.
 */
abstract class NormalizeColumns implements Runnable, Team.Body {
  /** Elements of a part; they stay in the second-level cache. */
  private static final int PART = 1 << 14;
  /** Parts of an image, at most, and sums in all of them. */
  private static final int PARTS = 256;
  private static final int SUMS = 1 << 18;
  /** So many images are shared as a whole, in so many shares at most. */
  private static final int MANY = 8;
  private static final int SHARES = 64;
  /** Fewer channels fill no vectors, more no cache. */
  private static final int LEAST = 8;
  private static final int MOST = 8192;

  /** What one thread works with. */
  private static final class Worker {
    final ColumnTotals totals;
    final ColumnFactors factors;
    /** Of an image that it has alone. */
    final State state;
    final float[] center;

    Worker(int columns, State state) {
      totals = new ColumnTotals(columns, Lanes.AVAILABLE);
      factors = new ColumnFactors(columns, Lanes.AVAILABLE);
      center = new float[columns];
      this.state = state;
    }
  }

  /** Two sums of every part and channel of an image, and the image's factors of every channel. */
  private static final class State {
    final double[] first;
    final double[] second;
    final float[] center;
    /** Forward: what the numbers of every part are taken as differences from. */
    final float[] centers;
    long factors;

    State(int parts, int columns) {
      first = new double[parts * columns];
      second = new double[first.length];
      center = new float[columns];
      centers = new float[first.length];
    }
  }

  private enum Stage {
    IMAGES, SUMS, ELEMENTS
  }

  final int columns;
  final int rows;
  /** Neighbouring channels of a statistic. */
  final int group;
  final boolean affine;
  private final double eps;
  private final Call call;
  private final Team team;
  private final Axes axes;
  private final long[] base;
  private final int imageAxis;
  private final int rowAxis;
  private final int images;
  private final int partRows;
  private final int parts;
  /** Shares of images that are done as a whole; 1 where the team works on one image at a time. */
  private final int shares;
  private final Worker[] workers;
  /** Of the one image that the team works on. */
  private final State shared;
  private Stage stage = Stage.IMAGES;
  private int image;

  private NormalizeColumns(Normalize op, List<Operand> operands, Axes axes, Call call, Team team) {
    this.call = call;
    this.team = team;
    this.axes = axes;
    affine = op.affine();
    eps = op.eps();
    base = operands.stream().mapToLong(PointwiseKernels::address).toArray();
    rowAxis = rowAxis(axes);
    imageAxis = rowAxis - 1;
    images = imageAxis < 0 ? 1 : (int) axes.dim(imageAxis);
    rows = (int) axes.dim(rowAxis);
    columns = columns(axes);
    int inner = axes.rank() - 1;
    group = axes.isReduced(inner) ? (int) axes.dim(inner) : 1;
    int most = Math.min(PARTS, Math.max(1, SUMS / columns));
    long wanted = Math.clamp((long) rows * columns / PART, 1, most);
    partRows = (int) ((rows + wanted - 1) / wanted);
    parts = (rows + partRows - 1) / partRows;
    shares = images < MANY ? 1 : Math.min(SHARES, images);
    shared = new State(parts, columns);
    workers = new Worker[team.size()];
    for (int w = 0; w < workers.length; w++) {
      workers[w] = new Worker(columns, w == 0 || shares == 1 ? shared : new State(parts, columns));
    }
  }

  /** Elements of all images. */
  final long elements() {
    return (long) images * rows * columns;
  }

  /** What does the forward pass; null if the operands do not lie so. */
  static @Nullable NormalizeColumns forward(Normalize op, Call call, Team team) {
    List<Operand> in = call.in();
    List<Operand> operands = new ArrayList<>(List.of(in.get(0), call.out().get(0)));
    if (op.affine()) {
      operands.addAll(in.subList(1, 3));
    }
    operands.addAll(call.out().subList(1, 3));
    Axes axes = axes(op, operands, 2);
    return axes == null ? null : new Forward(op, operands, axes, call, team);
  }

  /** What does the gradient; null if the operands do not lie so. */
  static @Nullable NormalizeColumns backward(Normalize op, Call call, Team team) {
    List<Operand> in = call.in();
    List<Operand> operands = new ArrayList<>(List.of(in.getFirst(), in.getLast(), call.out().getFirst()));
    if (op.affine()) {
      operands.add(in.get(1));
      operands.addAll(call.out().subList(1, 3));
    }
    operands.addAll(in.subList(in.size() - 3, in.size() - 1));
    Axes axes = axes(op, operands, 3);
    return axes == null ? null : new Backward(op, operands, axes, call, team);
  }

  /** @param full operands of the shape of x; then those of a row's, then two statistics */
  private static @Nullable Axes axes(Normalize op, List<Operand> operands, int full) {
    for (Operand o : operands) {
      if (o.dtype() != DType.F32) {
        return null;
      }
    }
    if (operands.getFirst().shape().size() == 0) {
      return null;
    }
    List<Layout> layouts = operands.stream().map(o -> o.layout().expand(operands.getFirst().shape())).toList();
    long[] units = new long[layouts.size()];
    Arrays.fill(units, Float.BYTES);
    Axes axes = Axes.of(operands.getFirst().shape(), layouts, units, full, op.axes(), false);
    int row = rowAxis(axes);
    int inner = axes.rank() - row - 1;
    if (row < 0 || inner < 1 || inner > 2 || inner == 2 && (axes.isReduced(row + 1) || !axes.isReduced(row + 2))) {
      return null;
    }
    if (columns(axes) < LEAST || columns(axes) > MOST || axes.dim(row) > Integer.MAX_VALUE) {
      return null;
    }
    for (int k = 0; k < layouts.size() - 2; k++) {
      boolean dense = axes.strides(axes.rank() - 1)[k] == Float.BYTES
          && (inner == 1 || axes.strides(row + 1)[k] == Float.BYTES * axes.dim(row + 2));
      if (!dense || k >= full && (axes.strides(row)[k] != 0 || row == 1 && axes.strides(0)[k] != 0)) {
        return null;
      }
    }
    return axes;
  }

  /** The axis of an image's pixels, after that of images if they have statistics of their own; -1 if there is none. */
  private static int rowAxis(Axes axes) {
    int row = axes.isReduced(0) ? 0 : 1;
    return row < axes.rank() && axes.isReduced(row) ? row : -1;
  }

  private static int columns(Axes axes) {
    long n = 1;
    for (int a = rowAxis(axes) + 1; a < axes.rank(); a++) {
      n = Math.min(Integer.MAX_VALUE, n * axes.dim(a));
    }
    return (int) n;
  }

  @Override
  public void run() {
    boolean alone = Chunks.isSmall(elements(), 2);
    if (shares > 1) {
      stage = Stage.IMAGES;
      Chunks.run(call, team, alone, shares, this);
    } else {
      for (image = 0; image < images; image++) {
        shared.factors = Workspace.floats(Workspace.Slot.FACTORS, ColumnFactors.floats(columns));
        begin(shared, image);
        stage = Stage.SUMS;
        Chunks.run(call, team, alone, parts, this);
        combine(shared, image, 0);
        stage = Stage.ELEMENTS;
        Chunks.run(call, team, alone, parts, this);
      }
    }
    finish(shares);
  }

  @Override
  public void run(int worker, int chunk) {
    Worker w = workers[worker];
    switch (stage) {
      case SUMS -> sums(w, shared, image, chunk);
      case ELEMENTS -> elements(w, shared, image, chunk * partRows, rowsOf(chunk));
      case IMAGES -> {
        State s = w.state;
        s.factors = Workspace.floats(Workspace.Slot.FACTORS, ColumnFactors.floats(columns));
        for (int i = Gemm.cut(images, shares, chunk); i < Gemm.cut(images, shares, chunk + 1); i++) {
          begin(s, i);
          for (int p = 0; p < parts; p++) {
            sums(w, s, i, p);
          }
          combine(s, i, chunk);
          elements(w, s, i, 0, rows);
        }
      }
    }
  }

  /** Clears what a share of images adds up. */
  abstract void begin(State s, int image);

  /** The two sums of a part. */
  abstract void sums(Worker w, State s, int image, int part);

  /** What follows from the sums of all parts. */
  abstract void combine(State s, int image, int share);

  /** Some rows of the result. */
  abstract void elements(Worker w, State s, int image, int from, int n);

  abstract void finish(int shares);

  final int groups() {
    return columns / group;
  }

  /** Elements of a statistic. */
  final double count() {
    return (double) rows * group;
  }

  final int partRows() {
    return partRows;
  }

  final int parts() {
    return parts;
  }

  final int shares() {
    return shares;
  }

  /** The rows of a part. */
  final int rowsOf(int part) {
    return Math.min(partRows, rows - part * partRows);
  }

  final long at(int operand, int image, int row) {
    return base[operand] + (imageAxis < 0 ? 0 : image * axes.strides(imageAxis)[operand]) + row * row(operand);
  }

  /** Bytes between rows. */
  final long row(int operand) {
    return axes.strides(rowAxis)[operand];
  }

  /** The address of a group's statistic. */
  final long statistic(int operand, int image, int g) {
    return at(operand, image, 0) + (axes.isReduced(rowAxis + 1) ? 0 : g * axes.strides(rowAxis + 1)[operand]);
  }

  final float channel(int operand, int column) {
    return Memory.getFloat(base[operand] + 4L * column);
  }

  final void setChannel(int operand, int column, double value) {
    Memory.setFloat(base[operand] + 4L * column, (float) value);
  }

  /** One by the root of a variance. */
  final double inverse(float variance) {
    return 1 / Math.sqrt(variance + eps);
  }

  private static final class Forward extends NormalizeColumns {
    private static final int X = 0;
    private static final int Y = 1;
    private static final int WEIGHT = 2;
    private static final int BIAS = 3;
    /** Of so many rows of a part one gives it its center. */
    private static final int SAMPLES = 8;
    /** What, added, leaves every number as it is, also a zero with its sign. */
    private static final float NOTHING = -0f;
    private final int ofMean;

    Forward(Normalize op, List<Operand> operands, Axes axes, Call call, Team team) {
      super(op, operands, axes, call, team);
      ofMean = operands.size() - 2;
      if (elements() >= WarmUp.ELEMENTS) {
        ColumnTotals.warmUp(columns);
      }
      new ColumnFactors(columns, Lanes.AVAILABLE).warmUp(elements());
    }

    @Override
    void begin(State s, int image) {
      // The sums of parts are set, not added to.
    }

    @Override
    void sums(Worker w, State s, int image, int part) {
      int at = part * columns;
      int n = rowsOf(part);
      long x = at(X, image, part * partRows());
      Arrays.fill(s.first, at, at + columns, 0);
      int sample = (n + SAMPLES - 1) / SAMPLES;
      w.totals.add(x, row(X), sample, s.first, at);
      for (int j = 0; j < columns; j++) {
        w.center[j] = (float) (s.first[at + j] / sample);
      }
      System.arraycopy(w.center, 0, s.centers, at, columns);
      Arrays.fill(s.first, at, at + columns, 0);
      Arrays.fill(s.second, at, at + columns, 0);
      w.totals.addDeviations(x, row(X), n, w.center, s.first, s.second, at);
    }

    @Override
    void combine(State s, int image, int share) {
      for (int g = 0; g < groups(); g++) {
        int from = g * group;
        double sum = 0;
        for (int p = 0; p < parts(); p++) {
          for (int j = from; j < from + group; j++) {
            sum += s.first[p * columns + j] + (double) rowsOf(p) * s.centers[p * columns + j];
          }
        }
        double mean = sum / count();
        double squares = 0;
        for (int p = 0; p < parts(); p++) {
          for (int j = from; j < from + group; j++) {
            squares += squares(s, p * columns + j, rowsOf(p), mean);
          }
        }
        float variance = (float) Math.max(0, squares / count());
        Memory.setFloat(statistic(ofMean, image, g), (float) mean);
        Memory.setFloat(statistic(ofMean + 1, image, g), variance);
        double inverse = inverse(variance);
        for (int j = from; j < from + group; j++) {
          Memory.setFloat(s.factors + 4L * j, (float) mean);
          Memory.setFloat(s.factors + 4L * (columns + j),
              (float) (affine ? inverse * channel(WEIGHT, j) : inverse));
          Memory.setFloat(s.factors + 4L * (2 * columns + j), affine ? channel(BIAS, j) : NOTHING);
        }
      }
    }

    /** The squares of differences from {@code mean}, of which those from the part's own center are known. */
    private static double squares(State s, int i, int n, double mean) {
      double d = s.centers[i] - mean;
      return s.second[i] + 2 * d * s.first[i] + n * d * d;
    }

    @Override
    void elements(Worker w, State s, int image, int from, int n) {
      w.factors.normalize(at(X, image, from), row(X), at(Y, image, from), row(Y), n, s.factors);
    }

    @Override
    void finish(int shares) {
      // Everything is written.
    }
  }

  private static final class Backward extends NormalizeColumns {
    private static final int X = 0;
    private static final int OF_Y = 1;
    private static final int OF_X = 2;
    private static final int WEIGHT = 3;
    private static final int OF_WEIGHT = 4;
    private static final int OF_BIAS = 5;
    private final int ofMean;
    /** By share: gradients of the weights, then of the biases. */
    private final double[][] ofWeights;

    Backward(Normalize op, List<Operand> operands, Axes axes, Call call, Team team) {
      super(op, operands, axes, call, team);
      ofMean = operands.size() - 2;
      ofWeights = new double[affine ? shares() : 0][2 * columns];
      if (elements() >= WarmUp.ELEMENTS) {
        ColumnTotals.warmUpOfProducts();
      }
      new ColumnFactors(columns, Lanes.AVAILABLE).warmUpOfGradient(elements());
    }

    @Override
    public void run() {
      for (double[] share : ofWeights) {
        Arrays.fill(share, 0);
      }
      super.run();
    }

    @Override
    void begin(State s, int image) {
      for (int j = 0; j < columns; j++) {
        s.center[j] = Memory.getFloat(statistic(ofMean, image, j / group));
      }
    }

    @Override
    void sums(Worker w, State s, int image, int part) {
      int at = part * columns;
      int n = rowsOf(part);
      long x = at(X, image, part * partRows());
      long dy = at(OF_Y, image, part * partRows());
      Arrays.fill(s.first, at, at + columns, 0);
      Arrays.fill(s.second, at, at + columns, 0);
      w.totals.addProducts(x, row(X), dy, row(OF_Y), n, s.center, s.first, s.second, at);
    }

    @Override
    void combine(State s, int image, int share) {
      for (int p = 1; p < parts(); p++) {
        for (int j = 0; j < columns; j++) {
          s.first[j] += s.first[p * columns + j];
          s.second[j] += s.second[p * columns + j];
        }
      }
      for (int g = 0; g < groups(); g++) {
        int from = g * group;
        double inverse = inverse(Memory.getFloat(statistic(ofMean + 1, image, g)));
        double sum = 0;
        double products = 0;
        for (int j = from; j < from + group; j++) {
          double weight = affine ? channel(WEIGHT, j) : 1;
          sum += weight * s.first[j];
          products += weight * s.second[j] * inverse;
        }
        for (int j = from; j < from + group; j++) {
          if (affine) {
            ofWeights[share][j] += s.second[j] * inverse;
            ofWeights[share][columns + j] += s.first[j];
          }
          double weight = affine ? channel(WEIGHT, j) : 1;
          Memory.setFloat(s.factors + 4L * j, s.center[j]);
          Memory.setFloat(s.factors + 4L * (columns + j), (float) (weight * inverse));
          Memory.setFloat(s.factors + 4L * (2 * columns + j), (float) (products / count() * inverse * inverse));
          Memory.setFloat(s.factors + 4L * (3 * columns + j), (float) (sum / count() * inverse));
        }
      }
    }

    @Override
    void elements(Worker w, State s, int image, int from, int n) {
      w.factors.gradient(at(X, image, from), row(X), at(OF_Y, image, from), row(OF_Y), at(OF_X, image, from), row(OF_X),
          n, s.factors);
    }

    @Override
    void finish(int shares) {
      for (int j = 0; j < columns && affine; j++) {
        double weight = 0;
        double bias = 0;
        for (double[] share : ofWeights) {
          weight += share[j];
          bias += share[columns + j];
        }
        setChannel(OF_WEIGHT, j, weight);
        setChannel(OF_BIAS, j, bias);
      }
    }
  }
}
