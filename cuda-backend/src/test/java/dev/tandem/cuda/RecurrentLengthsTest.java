package dev.tandem.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tandem.core.backend.Call;
import dev.tandem.core.backend.Operand;
import dev.tandem.core.backend.Replay;
import dev.tandem.core.backend.Storage;
import dev.tandem.core.op.Recurrent;
import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.shape.Layout;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.Spec;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Lengths live on the device: a captured step takes those of the day. */
class RecurrentLengthsTest {
  private static final int STEPS = 5;
  private static final int SEQUENCES = 3;
  private static final int FEATURES = 2;
  private static final int HIDDEN = 4;

  private final CudaBackend backend = Cuda.backend();
  private final Random random = new Random(7);

  private Operand operand(Spec spec) {
    Storage s = backend.allocate(spec.dtype(), spec.shape().size());
    return new Operand(s, Layout.contiguous(spec.shape()));
  }

  private Operand numbers(int... dims) {
    Operand o = operand(new Spec(Shape.of(dims), DType.F32));
    float[] values = new float[Math.toIntExact(o.shape().size())];
    for (int i = 0; i < values.length; i++) {
      values[i] = random.nextFloat() - 0.5f;
    }
    backend.write(o.storage(), 0, HostArray.of(values, values.length).data());
    return o;
  }

  private void setLengths(Operand lengths, int... values) {
    backend.write(lengths.storage(), 0, HostArray.of(values, values.length).data());
  }

  private List<Float> read(List<Operand> operands) {
    List<Float> all = new ArrayList<>();
    for (Operand o : operands) {
      HostArray host = HostArray.zeros(DType.F32, Math.toIntExact(o.shape().size()));
      backend.read(o.storage(), 0, host.data());
      for (int i = 0; i < host.shape().size(); i++) {
        all.add((float) host.get(i));
      }
    }
    return all;
  }

  private Call call(Recurrent op, List<Operand> in) {
    List<Spec> specs = in.stream().map(Operand::spec).toList();
    int results = 1 + op.cell().states();
    List<Operand> out = op.outputs(specs).subList(0, results).stream().map(this::operand).toList();
    long bytes = backend.scratch(op, in, out);
    return new Call(op, in, out, bytes == 0 ? null : backend.allocate(DType.U8, bytes));
  }

  @ParameterizedTest
  @EnumSource
  void replayReadsThemAnew(Recurrent.Cell cell) {
    Recurrent op = new Recurrent(cell, true, true);
    int rows = cell.gates() * HIDDEN;
    Operand lengths = operand(new Spec(Shape.of(SEQUENCES), DType.I32));
    List<Operand> in = new ArrayList<>(List.of(numbers(STEPS, SEQUENCES, FEATURES)));
    for (int s = 0; s < cell.states(); s++) {
      in.add(numbers(SEQUENCES, HIDDEN));
    }
    in.addAll(List.of(numbers(rows, FEATURES), numbers(rows, HIDDEN), numbers(rows), numbers(rows), lengths));
    setLengths(lengths, 5, 1, 3);
    Call call = call(op, in);
    backend.execute(call);
    List<Float> before = read(call.out());
    setLengths(lengths, 0, 4, 2);
    Call other = call(op, in);
    backend.execute(other);
    setLengths(lengths, 5, 1, 3);
    try (Replay replay = backend.prepare(List.of(call))) {
      assertThat(replay.describe()).startsWith("one CUDA graph");
      replay.run();
      assertThat(read(call.out())).isEqualTo(before);
      setLengths(lengths, 0, 4, 2);
      replay.run();
      assertThat(read(call.out())).isEqualTo(read(other.out())).isNotEqualTo(before);
    }
  }
}
