package dev.tandem.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tandem.core.autograd.Gradients;
import dev.tandem.core.nn.Losses;
import dev.tandem.core.nn.Module;
import dev.tandem.core.optim.Adam;
import dev.tandem.core.optim.Clipping;
import dev.tandem.core.optim.Optimizer;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.tensor.Tensor;
import dev.tandem.core.testing.SmallNetwork.Kind;
import dev.tandem.core.train.TrainStep;
import dev.tandem.cuda.emulator.EmulatorCounts;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a replayed step asks of the driver, counted by the emulator. More than here is a regression. */
class StepCostTest {
  private static final String GRAPH = "cuGraphLaunch";
  private static final String TO_DEVICE = "cuMemcpyHtoDAsync_v2";
  private static final String FROM_DEVICE = "cuMemcpyDtoHAsync_v2";
  private static final List<String> LAUNCHES = List.of("cuLaunchKernel", "cublasGemmEx",
      "cublasGemmStridedBatchedEx", "cudnnConvolutionForward", "cudnnRNNForward");
  private static final List<String> WAITS = List.of("cuStreamSynchronize", "cuCtxSynchronize", "cuEventSynchronize",
      "cuMemcpyDtoH_v2", "cuMemcpyHtoD_v2", "cuMemAlloc_v2", "cuMemFree_v2", "cuMemAllocHost_v2");
  /** The step after these is no replay that is checked by running it call by call. */
  private static final int STEPS = 8;

  private Device device;
  private EmulatorCounts counts;

  @BeforeEach
  void open() {
    device = new Device(Cuda.backend());
    counts = new EmulatorCounts(Cuda.emulator());
  }

  /** How a step goes on when the gradients are known. */
  private interface Finish extends BiFunction<Gradients, Module, Gradients> {
  }

  private TrainStep replayed(Kind kind, boolean update, Finish clipping) {
    Module model = kind.model().on(device, 1);
    Optimizer optimizer = new Adam(0.02).on(model);
    TrainStep step = TrainStep.of(optimizer, 3, in -> {
      Tensor loss = Losses.crossEntropy().apply(model.apply(in.get(0)), in.get(1));
      Gradients gradients = clipping.apply(Gradients.of(loss), model);
      if (update) {
        optimizer.update(gradients);
      }
      return loss;
    });
    for (int i = 0; i < STEPS; i++) {
      step.run(kind.batch(16, i)).item();
    }
    assertThat(step.state()).startsWith("replaying one CUDA graph");
    return step;
  }

  /** Calls of the driver and libraries by one step, which is replayed and whose loss is not read. */
  private Map<String, Long> calls(TrainStep step, Kind kind) {
    List<String> functions =
        Stream.of(List.of(GRAPH, TO_DEVICE, FROM_DEVICE), LAUNCHES, WAITS).flatMap(List::stream).toList();
    Map<String, Long> before = new LinkedHashMap<>();
    functions.forEach(f -> before.put(f, counts.calls(f)));
    step.run(kind.batch(16, STEPS));
    Map<String, Long> made = new LinkedHashMap<>();
    functions.forEach(f -> made.put(f, counts.calls(f) - before.get(f)));
    return made;
  }

  private long nodes(boolean update, Finish clipping) {
    String state = replayed(Kind.MLP, update, clipping).state();
    return Long.parseLong(state.replaceAll("\\D", ""));
  }

  /** @param mostWork kernels, copies and fills, the graph itself among them */
  @ParameterizedTest
  @CsvSource({"MLP, 26", "CNN, 41", "LSTM, 54"})
  void aStepIsOneLaunchAndTheCopiesOfItsInputs(Kind kind, long mostWork) {
    TrainStep step = replayed(kind, true, (g, model) -> g);
    long work = counts.work();
    Map<String, Long> made = calls(step, kind);
    assertThat(counts.work() - work).as("work").isLessThanOrEqualTo(mostWork);
    assertThat(made).containsEntry(GRAPH, 1L).containsEntry(FROM_DEVICE, 0L);
    // Two fields of the batch, the random counter, and two scalars of Adam.
    assertThat(made).containsEntry(TO_DEVICE, 5L);
    assertThat(LAUNCHES).as("launches one by one").allSatisfy(f -> assertThat(made).containsEntry(f, 0L));
    assertThat(WAITS).as("waits and allocations").allSatisfy(f -> assertThat(made).containsEntry(f, 0L));
  }

  @Test
  void anOptimizerIsOneKernelForAllParameters() {
    assertThat(nodes(true, (g, model) -> g) - nodes(false, (g, model) -> g)).isEqualTo(1);
  }

  /** Sum of squares, root and scaling. */
  @Test
  void clippingStaysOnTheDevice() {
    Finish byNorm = (g, model) -> Clipping.byNorm(g, 0.5, model).gradients();
    assertThat(nodes(true, byNorm) - nodes(true, (g, model) -> g)).isEqualTo(3);
    TrainStep step = replayed(Kind.MLP, true, byNorm);
    Map<String, Long> made = calls(step, Kind.MLP);
    assertThat(WAITS).allSatisfy(f -> assertThat(made).containsEntry(f, 0L));
  }
}
