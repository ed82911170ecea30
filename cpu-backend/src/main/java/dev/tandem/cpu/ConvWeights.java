package dev.tandem.cpu;

import dev.tandem.core.backend.Operand;
import dev.tandem.core.shape.Layout;

/**
 * A weight {@code [filters, channels / groups, KH, KW]} in whatever strides, and the order the kernels work in:
 * {@code [group][KH][KW][channels / groups][filters / groups]}, called tap-major.
 */
final class ConvWeights {
  /** Filters turned at a time. */
  private static final int BLOCK = 16;
  /** Numbers that are worth a chunk. */
  private static final long CHUNK_WORK = 1 << 15;

  private final ConvShape shape;
  private final long address;
  private final long filterStride;
  private final long channelStride;
  private final long rowStride;
  private final long columnStride;
  private final int inputs;
  private final int outputs;

  ConvWeights(Operand o, ConvShape shape) {
    Layout l = o.layout();
    this.shape = shape;
    address = ((CpuStorage) o.storage()).address() + 4 * l.offset();
    filterStride = 4 * l.stride(0);
    channelStride = 4 * l.stride(1);
    rowStride = 4 * l.stride(2);
    columnStride = 4 * l.stride(3);
    inputs = shape.groupChannels();
    outputs = shape.groupFilters();
  }

  /** The address of a filter. */
  long filter(int number) {
    return address + number * filterStride;
  }

  /** Bytes between filters. */
  long filterStride() {
    return filterStride;
  }

  private int blocks() {
    return (outputs + BLOCK - 1) / BLOCK;
  }

  private int chunks(int most) {
    return Math.clamp(shape.weights() / CHUNK_WORK, 1, Math.max(1, most));
  }

  /**
   * Floats of the weight with the last axis of the tap-major order, of {@code columns} a group, rounded up to whole
   * vectors.
   */
  private long panelFloats(int rows, int columns) {
    return (long) shape.groups() * rows * Panels.padded(columns);
  }

  /** The filters as panels [KH][KW][in][panel of outputs], group after group, in this thread's workspace. */
  long forwardPanels(Team team) {
    int rows = shape.taps() * inputs;
    long tapMajor = Workspace.floats(Workspace.Slot.WEIGHT, shape.weights() + panelFloats(rows, outputs));
    long panels = tapMajor + 4 * shape.weights();
    toTapMajor(tapMajor, team);
    int perGroup = Panels.count(outputs);
    int total = shape.groups() * perGroup;
    int chunks = chunks(total);
    team.run(chunks, new Team.Body() {
      @Override
      public void run(int worker, int chunk) {
        for (int i = Gemm.cut(total, chunks, chunk); i < Gemm.cut(total, chunks, chunk + 1); i++) {
          int group = i / perGroup;
          Panels.pack(false, tapMajor + 4L * group * rows * outputs, 4L * outputs, rows, outputs, i % perGroup,
              panels + 4L * group * rows * Panels.padded(outputs));
        }
      }
    });
    return panels;
  }

  /**
   * Panels [taps of the phase, the last first][out][panel of inputs] for each group and phase, in this thread's
   * workspace.
   */
  long gradientPanels(ConvPhases down, ConvPhases across, Team team) {
    long perGroup = (long) shape.taps() * outputs * Panels.padded(inputs);
    long tapMajor = Workspace.floats(Workspace.Slot.WEIGHT, shape.weights() + perGroup * shape.groups());
    long panels = tapMajor + 4 * shape.weights();
    toTapMajor(tapMajor, team);
    int total = shape.groups() * shape.taps();
    int chunks = chunks(total);
    team.run(chunks, new Team.Body() {
      @Override
      public void run(int worker, int chunk) {
        for (int i = Gemm.cut(total, chunks, chunk); i < Gemm.cut(total, chunks, chunk + 1); i++) {
          int tap = i % shape.taps();
          ConvPhases.Phase y = down.ofTap(tap / shape.kernelW());
          ConvPhases.Phase x = across.ofTap(tap % shape.kernelW());
          long phase = panels + 4 * (i / shape.taps() * perGroup
              + ConvPhases.tapsBefore(y, x, shape.kernelW()) * outputs * Panels.padded(inputs));
          int turned = y.flipped(tap / shape.kernelW()) * x.count() + x.flipped(tap % shape.kernelW());
          for (int c = 0; c < inputs; c += Tiles.WIDTH) {
            int cols = Math.min(Tiles.WIDTH, inputs - c);
            long width = 4L * Tiles.vectors(cols) * Tiles.LANES;
            Panels.transpose(tapMajor + 4L * ((long) i * inputs + c) * outputs, 4L * outputs,
                phase + 4L * c * y.count() * x.count() * outputs + (long) turned * outputs * width, width, outputs,
                cols,
                true);
          }
        }
      }
    });
    return panels;
  }

  /** Whether a filter is one run of numbers, as in a contiguous weight, with taps to be brought before channels. */
  boolean denseFilters() {
    return shape.taps() > 1 && (columnStride == 4 || shape.kernelW() == 1)
        && (rowStride == 4L * shape.kernelW() || shape.kernelH() == 1)
        && (channelStride == 4L * shape.taps() || inputs == 1);
  }

  private void toTapMajor(long to, Team team) {
    eachBlock(team, new BlockBody() {
      @Override
      public void run(int group, int from, int count) {
        long filters = address + ((long) group * outputs + from) * filterStride;
        long target = to + 4L * group * shape.taps() * inputs * outputs + 4L * from;
        if (denseFilters()) {
          int rows = shape.taps() * inputs;
          long turned = Workspace.floats(Workspace.Slot.BAND, (long) rows * BLOCK);
          Panels.transpose(filters, filterStride, turned, 4L * BLOCK, rows, count, Tiles.LANES <= BLOCK);
          for (int c = 0; c < inputs; c++) {
            Panels.store(turned + 4L * BLOCK * c * shape.taps(), 4L * BLOCK, target + 4L * c * outputs,
                4L * inputs * outputs, shape.taps(),
                count, false);
          }
        } else {
          for (int tap = 0; tap < shape.taps(); tap++) {
            Panels.move(filters + tapOffset(tap), channelStride, filterStride, target + 4L * tap * inputs * outputs,
                4L * outputs, 4, inputs,
                count, false);
          }
        }
      }
    });
  }

  /** Writes the weight from its tap-major order. */
  void fromTapMajor(long from, Team team) {
    eachBlock(team, new BlockBody() {
      @Override
      public void run(int group, int first, int count) {
        long filters = address + ((long) group * outputs + first) * filterStride;
        long source = from + 4L * group * shape.taps() * inputs * outputs + 4L * first;
        if (denseFilters()) {
          int rows = shape.taps() * inputs;
          long ordered = Workspace.floats(Workspace.Slot.BAND, (long) rows * BLOCK);
          for (int c = 0; c < inputs; c++) {
            Panels.store(source + 4L * c * outputs, 4L * inputs * outputs, ordered + 4L * BLOCK * c * shape.taps(),
                4L * BLOCK, shape.taps(),
                count, false);
          }
          Panels.transpose(ordered, 4L * BLOCK, filters, filterStride, count, rows, false);
        } else {
          for (int tap = 0; tap < shape.taps(); tap++) {
            Panels.move(source + 4L * tap * inputs * outputs, 4L * outputs, 4, filters + tapOffset(tap), channelStride,
                filterStride, inputs,
                count, false);
          }
        }
      }
    });
  }

  /** The weight of a {@link Depthwise} convolution as [KH][KW][channels], in this thread's workspace. */
  long channelsLast() {
    long to = Workspace.floats(Workspace.Slot.WEIGHT, shape.weights());
    for (int tap = 0; tap < shape.taps(); tap++) {
      Panels.move(address + tapOffset(tap), 0, filterStride, to + 4L * tap * shape.channels(), 0, 4, 1,
          shape.channels(), false);
    }
    return to;
  }

  /** Writes the weight of a {@link Depthwise} convolution from [KH][KW][channels]. */
  void fromChannelsLast(long from) {
    for (int tap = 0; tap < shape.taps(); tap++) {
      Panels.move(from + 4L * tap * shape.channels(), 0, 4, address + tapOffset(tap), 0, filterStride, 1,
          shape.channels(), false);
    }
  }

  private long tapOffset(int tap) {
    return tap / shape.kernelW() * rowStride + tap % shape.kernelW() * columnStride;
  }

  private interface BlockBody {
    void run(int group, int firstFilter, int count);
  }

  private void eachBlock(Team team, BlockBody body) {
    int total = shape.groups() * blocks();
    int chunks = chunks(total);
    team.run(chunks, new Team.Body() {
      @Override
      public void run(int worker, int chunk) {
        for (int i = Gemm.cut(total, chunks, chunk); i < Gemm.cut(total, chunks, chunk + 1); i++) {
          int first = i % blocks() * BLOCK;
          body.run(i / blocks(), first, Math.min(BLOCK, outputs - first));
        }
      }
    });
  }
}
