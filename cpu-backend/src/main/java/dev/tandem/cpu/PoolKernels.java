package dev.tandem.cpu;

import dev.tandem.core.backend.Call;
import dev.tandem.core.op.PoolGeometry;
import java.lang.ref.Reference;
import java.util.function.IntConsumer;

/**
 * Pooling with channels last: each output pixel is computed for all its channels at a time. Operands that lie otherwise
 * are turned image by image. The team shares images, and where they are few their channels, so that in the gradient the
 * windows over a pixel add to it in one order, by rows.
 */
final class PoolKernels {
  /** Window elements that are worth a chunk. */
  private static final long CHUNK_WORK = 1 << 15;
  /** Pixels seen by windows that take longer without vectors than it takes to wait for these once. */
  private static final long LONG_WORK = 1 << 23;
  /** For each thread; cutting images by channels has memory read in shreds. */
  private static final int PIECES = 4;

  private PoolKernels() {
  }

  /** {@code x -> y}. */
  static Runnable prepareForward(PoolGeometry g, Call call, Team team) {
    Image x = Image.of(call.in().get(0));
    Image y = Image.of(call.out().get(0));
    if (isLargeMaximum(g, y)) {
      ScalarPool.begin();
      WarmUp.prepare(MaxPool.forwardWarmUps(g), isVeryLarge(g, y));
    }
    if (call.out().get(0).shape().size() == 0) {
      return () -> {
      };
    }
    int parts = parts(y, team);
    Image[] images = pieces(x, parts);
    Image[] outputs = pieces(y, parts);
    return () -> {
      eachPiece(g, y, images.length, team, i -> forward(g, images[i], outputs[i]));
      Reference.reachabilityFence(call);
    };
  }

  /** {@code x, gradOutput -> gradInput}. */
  static Runnable prepareGrad(PoolGeometry g, Call call, Team team) {
    Image x = Image.of(call.in().get(0));
    Image dy = Image.of(call.in().get(1));
    Image dx = Image.of(call.out().get(0));
    if (isLargeMaximum(g, dy)) {
      ScalarPool.begin();
      WarmUp.prepare(MaxPool.gradientWarmUps(g), isVeryLarge(g, dy));
    }
    if (call.out().get(0).shape().size() == 0) {
      return () -> {
      };
    }
    int parts = parts(dy, team);
    Image[] images = pieces(x, parts);
    Image[] outputs = pieces(dy, parts);
    Image[] gradients = pieces(dx, parts);
    return () -> {
      eachPiece(g, dy, images.length, team, i -> gradient(g, images[i], outputs[i], gradients[i]));
      Reference.reachabilityFence(call);
    };
  }

  private static boolean isLargeMaximum(PoolGeometry g, Image y) {
    return Lanes.AVAILABLE && g.kind() == PoolGeometry.Kind.MAX && y.channels() >= Tiles.LANES
        && windows(y) >= WarmUp.ELEMENTS;
  }

  private static boolean isVeryLarge(PoolGeometry g, Image y) {
    return windows(y) * g.kernelH() * g.kernelW() >= LONG_WORK;
  }

  private static long windows(Image y) {
    return (long) y.images() * y.channels() * y.height() * y.width();
  }

  private static int vectors(Image y) {
    return (y.channels() + Tiles.LANES - 1) / Tiles.LANES;
  }

  /** Into how many pieces each image falls, by channels. */
  private static int parts(Image y, Team team) {
    if (team.size() == 1) {
      return 1;
    }
    return Math.clamp((PIECES * team.size() + y.images() - 1L) / Math.max(1, y.images()), 1, Math.max(1, vectors(y)));
  }

  /** Some channels of one image each, as operands of one image. */
  private static Image[] pieces(Image o, int parts) {
    Image[] pieces = new Image[Math.multiplyExact(o.images(), parts)];
    for (int i = 0; i < pieces.length; i++) {
      int from = Gemm.cut(vectors(o), parts, i % parts) * Tiles.LANES;
      int to = Math.min(o.channels(), Gemm.cut(vectors(o), parts, i % parts + 1) * Tiles.LANES);
      pieces[i] = new Image(o.at(i / parts, 0) + from * o.channelStride(), 1, to - from, o.height(), o.width(), 0,
          o.channelStride(), o.rowStride(), o.pixelStride());
    }
    return pieces;
  }

  private static void eachPiece(PoolGeometry g, Image y, int pieces, Team team, IntConsumer body) {
    long work = windows(y) * g.kernelH() * g.kernelW();
    int chunks = Math.clamp(work / CHUNK_WORK, 1, pieces);
    team.run(chunks, (worker, chunk) -> {
      for (int i = Gemm.cut(pieces, chunks, chunk); i < Gemm.cut(pieces, chunks, chunk + 1); i++) {
        body.accept(i);
      }
    });
  }

  /** The same with channels last: itself, or a copy in this thread's workspace. */
  private static Image channelsLast(Image o, Workspace.Slot slot, boolean copy) {
    if (o.channelsLast()) {
      return o;
    }
    long pixel = 4L * o.channels();
    long to = copy ? o.band(0, 0, o.height(), 0, o.width(), slot)
        : Workspace.floats(slot, (long) o.height() * o.width() * o.channels());
    return new Image(to, 1, o.channels(), o.height(), o.width(), 0, 4, pixel * o.width(), pixel);
  }

  private static void forward(PoolGeometry g, Image given, Image wanted) {
    Image x = channelsLast(given, Workspace.Slot.BAND, true);
    Image y = channelsLast(wanted, Workspace.Slot.OUTPUT, false);
    int whole = g.kind() == PoolGeometry.Kind.MAX ? PoolWindow.byVector(x) : 0;
    // None until their loops are compiled.
    int byVector = whole > 0 && WarmUp.areReady(MaxPool.forwardWarmUps(g)) ? whole : 0;
    if (g.kind() != PoolGeometry.Kind.MAX) {
      eachWindow(g, x, y, (top, left, rows, columns, divisor, pixel) -> PoolWindow.average(x,
          x.at(0, top) + left * x.pixelStride(), rows, columns, divisor, pixel));
    } else if (byVector > 0) {
      MaxPool.forward(g, x, y, byVector);
    }
    if (g.kind() == PoolGeometry.Kind.MAX && byVector < x.channels()) {
      ScalarPool.forward(g, x, y, byVector);
    }
    if (y != wanted) {
      wanted.put(0, 0, y.height(), y.address());
    }
  }

  private static void gradient(PoolGeometry g, Image given, Image gradOutput, Image wanted) {
    boolean max = g.kind() == PoolGeometry.Kind.MAX;
    Image x = max ? channelsLast(given, Workspace.Slot.BAND, true) : given;
    Image dy = channelsLast(gradOutput, Workspace.Slot.SECOND_BAND, true);
    Image dx = channelsLast(wanted, Workspace.Slot.OUTPUT, false);
    if (max) {
      int whole = PoolWindow.byVector(x);
      int byVector = whole > 0 && WarmUp.areReady(MaxPool.gradientWarmUps(g)) ? whole : 0;
      if (byVector > 0) {
        MaxPool.gradient(g, x, dy, dx, byVector);
      }
      if (byVector < x.channels()) {
        ScalarPool.gradient(g, x, dy, dx, byVector);
      }
    } else {
      dx.clear(0, dx.height(), 0, dx.channels());
      eachWindow(g, dx, dy, (top, left, rows, columns, divisor, pixel) -> PoolWindow.averageGradient(dx,
          dx.at(0, top) + left * dx.pixelStride(), rows, columns, divisor, pixel));
    }
    if (dx != wanted) {
      wanted.put(0, 0, dx.height(), dx.address());
    }
  }

  private interface WindowBody {
    /**
     * @param divisor of an average
     * @param pixel address of the output pixel
     */
    void run(int top, int left, int rows, int columns, float divisor, long pixel);
  }

  /** Every window, cut to the image, by rows. */
  private static void eachWindow(PoolGeometry g, Image x, Image y, WindowBody body) {
    for (int r = 0; r < y.height(); r++) {
      int top = Math.max(0, r * g.strideH() - g.paddingH());
      int rows = Math.min(x.height(), r * g.strideH() - g.paddingH() + g.kernelH()) - top;
      for (int q = 0; q < y.width(); q++) {
        int left = Math.max(0, q * g.strideW() - g.paddingW());
        int columns = Math.min(x.width(), q * g.strideW() - g.paddingW() + g.kernelW()) - left;
        float divisor =
            g.kind() == PoolGeometry.Kind.AVERAGE ? (float) g.kernelH() * g.kernelW() : (float) rows * columns;
        body.run(top, left, rows, columns, divisor, y.at(0, r) + q * y.pixelStride());
      }
    }
  }
}
