package dev.tandem.core.train;

import dev.tandem.core.autograd.Gradients;
import dev.tandem.core.data.Batch;
import dev.tandem.core.data.DataLoader;
import dev.tandem.core.nn.Loss;
import dev.tandem.core.nn.Module;
import dev.tandem.core.op.Precision;
import dev.tandem.core.optim.Clipping;
import dev.tandem.core.optim.Optimizer;
import dev.tandem.core.optim.Schedule;
import dev.tandem.core.tensor.Device;
import dev.tandem.core.tensor.HostCopy;
import dev.tandem.core.tensor.Scope;
import dev.tandem.core.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * The usual training loop: steps over batches of two fields, input and target; after each epoch loss and metrics on validation data.
 *
 * <pre>{@code
 * var trainer = Trainer.of(model, Losses.crossEntropy(), new Adam(1e-3)).metric(Metrics.accuracy()).on(Device.best(), 42);
 * History history = trainer.fit(train.batches(64).shuffled(), test.batches(256), epochs(5));
 * }</pre>
 */
public final class Trainer {
  private final Module model;
  private final Loss loss;
  private final Optimizer optimizer;
  private final List<Metric> metrics = new ArrayList<>();
  private final List<TrainingListener> listeners = new ArrayList<>();
  private UnaryOperator<Gradients> clipping = UnaryOperator.identity();
  private boolean capture = true;
  private Precision precision = Precision.FP32;
  private @Nullable TrainStep step;
  private int epochsDone;
  private long seed;

  private Trainer(Module model, Loss loss, Optimizer optimizer) {
    this.model = model;
    this.loss = loss;
    this.optimizer = optimizer;
  }

  /** A recipe; {@link #on} gives it a device. */
  public static Trainer of(Module model, Loss loss, Optimizer optimizer) {
    return new Trainer(model, loss, optimizer);
  }

  /** Reports {@code metric} on validation data. */
  public Trainer metric(Metric metric) {
    metrics.add(metric);
    return this;
  }

  public Trainer listener(TrainingListener listener) {
    listeners.add(listener);
    return this;
  }

  /** Scales all gradients down together when their norm is above {@code maxNorm}, see {@link Clipping#byNorm}. */
  public Trainer clipNorm(double maxNorm) {
    return clip(g -> Clipping.byNorm(g, maxNorm, model()).gradients());
  }

  /** Keeps every element of every gradient within {@code limit} of 0, see {@link Clipping#byValue}. */
  public Trainer clipValue(double limit) {
    return clip(g -> Clipping.byValue(g, limit, model()));
  }

  /** After what was asked for before. */
  private Trainer clip(UnaryOperator<Gradients> next) {
    if (step != null) {
      throw new IllegalStateException("the trainer has its step already; ask for clipping before on(device, seed)");
    }
    UnaryOperator<Gradients> before = clipping;
    clipping = g -> next.apply(before.apply(g));
    return this;
  }

  /** The optimizer's schedule; one that follows the loss is told that of the validation data after each epoch, or without any the
   * training loss. */
  public Trainer schedule(Schedule schedule) {
    optimizer.schedule(schedule);
    return this;
  }

  /** Whether steps may be replayed; they may unless this was called with false. */
  public Trainer capture(boolean allowed) {
    capture = allowed;
    if (step != null) {
      step.capture(allowed);
    }
    return this;
  }

  /**
   * How products are computed in training and evaluation; in fp32 unless this was called, see {@link TrainStep#precision}.
   *
   * @throws IllegalArgumentException if the trainer has a device and it does not compute so; else {@link #on} throws it
   */
  public Trainer precision(Precision chosen) {
    if (step != null) {
      step.precision(chosen);
    }
    precision = chosen;
    return this;
  }

  /** Creates the model's parameters, the optimizer's state and the training step on {@code device}.
   *
   * @param seed of initial values and of random numbers drawn while training; the same seed gives the same training, bit for bit
   */
  public Trainer on(Device device, long seed) {
    device.require(precision);
    this.seed = seed;
    model.on(device, seed);
    optimizer.on(model);
    step = TrainStep.of(optimizer, seed, in -> {
      Tensor value = loss.apply(model.apply(in.get(0)), in.get(1));
      optimizer.update(clipping.apply(Gradients.of(value)));
      return value;
    }).capture(capture).precision(precision);
    return this;
  }

  /** Trains until {@code length.epochs()} epochs are done, those of a resumed training included. The order of a shuffled loader is that
   * of its epoch's number. A loss is looked at when it has arrived on the host, which on a device that computes by itself is a few steps
   * late, and at the latest 16; an epoch ends when all have.
   *
   * @param validation null for none
   * @return the epochs trained by this call
   * @throws TrainingDivergedException if a loss is not finite, naming its step; a few steps after it may have been done already
   * @throws CancellationException if the thread is interrupted; steps done until then stay done
   */
  public History fit(DataLoader train, @Nullable DataLoader validation, Epochs length) {
    TrainStep running = step();
    List<EpochResult> results = new ArrayList<>();
    while (epochsDone < length.epochs()) {
      int epoch = epochsDone + 1;
      results.add(trainEpoch(running, train, validation, epoch, length));
    }
    return new History(results);
  }

  /** {@link #fit(DataLoader, DataLoader, Epochs)} without validation. */
  public History fit(DataLoader train, Epochs length) {
    return fit(train, null, length);
  }

  private EpochResult trainEpoch(TrainStep running, DataLoader train, @Nullable DataLoader validation, int epoch,
      Epochs length) {
    long steps = Math.min(train.batches(), length.steps());
    long samplesToTrain = Math.min(train.samples(), steps * train.batchSize());
    listeners.forEach(l -> l.epochStarted(epoch, length.epochs(), steps, samplesToTrain));
    long start = System.nanoTime();
    double trainLoss;
    long samples;
    try (EpochLoss losses = new EpochLoss(epoch)) {
      for (Batch batch : train.reusing().epoch(epoch - 1)) {
        if (losses.steps == steps) {
          break;
        }
        if (Thread.currentThread().isInterrupted()) {
          losses.inFlight.finish();
          throw new CancellationException(
              "training was interrupted in epoch " + epoch + " after " + losses.steps + " steps");
        }
        losses.add(running.run(batch), batch.size());
      }
      trainLoss = losses.mean();
      samples = losses.samples;
    }
    double seconds = (System.nanoTime() - start) * 1e-9;
    epochsDone = epoch;
    Evaluation evaluation = null;
    if (validation != null) {
      listeners.forEach(l -> l.validationStarted(epoch));
      evaluation = evaluate(validation);
    }
    EpochResult result =
        new EpochResult(epoch, trainLoss, evaluation == null ? null : evaluation.loss(),
            evaluation == null ? Map.of() : evaluation.metrics(), seconds, samples / seconds);
    optimizer.schedule().observe(evaluation == null ? result.trainLoss() : evaluation.loss());
    listeners.forEach(l -> l.epochEnded(result));
    return result;
  }

  /** The losses of an epoch's steps, as they arrive. */
  private final class EpochLoss implements AutoCloseable {
    private final int epoch;
    private final StepsInFlight inFlight = new StepsInFlight();
    private long steps;
    private long samples;
    private double sum;

    EpochLoss(int epoch) {
      this.epoch = epoch;
    }

    /** The next step was given to the device. */
    void add(Tensor loss, int size) {
      steps++;
      samples += size;
      long step = steps;
      long seen = samples;
      double learningRate = optimizer.currentLearningRate();
      HostCopy value = loss.toHostAsync();
      inFlight.add(List.of(value), () -> arrived(step, value.item(), size, seen, learningRate));
    }

    private void arrived(long step, float value, int size, long seen, double learningRate) {
      if (!Float.isFinite(value)) {
        throw new TrainingDivergedException("the loss became " + value + " in epoch " + epoch + ", step " + step
            + "; lower the learning rate (now " + learningRate + "), or look for NaN in the data");
      }
      sum += value * size;
      for (TrainingListener l : listeners) {
        l.stepEnded(epoch, step, value, seen);
      }
    }

    /** Over the samples of all steps, whose losses it waits for. */
    double mean() {
      inFlight.finish();
      return sum / Math.max(1, samples);
    }

    @Override
    public void close() {
      inFlight.close();
    }
  }

  /** Loss and metrics of the model as it is, without training. */
  public Evaluation evaluate(DataLoader data) {
    step();
    try (EvaluationSums sums = new EvaluationSums(metrics)) {
      for (Batch batch : data.reusing().epoch(0)) {
        try (Scope scope = Scope.inference(model.device(), precision)) {
          Tensor target = Tensor.of(scope.device(), batch.get(1));
          Tensor output = model.apply(Tensor.of(scope.device(), batch.get(0)));
          sums.add(batch.size(), loss.apply(output, target), output, target);
        }
      }
      return sums.mean();
    }
  }

  private TrainStep step() {
    if (step == null) {
      throw new IllegalStateException("the trainer has no device yet; call on(device, seed)");
    }
    return step;
  }

  public Module model() {
    return model;
  }

  public Optimizer optimizer() {
    return optimizer;
  }

  /** How steps run, and why if they are not replayed. */
  public String state() {
    return step().state();
  }

  /** How products are computed. */
  public Precision precision() {
    return precision;
  }

  /** What initial values, random numbers and the order of data depend on. */
  public long seed() {
    return seed;
  }

  public int epochsDone() {
    return epochsDone;
  }

  /** Steps done, over all epochs. */
  public int stepsDone() {
    return step().steps();
  }

  /** Goes on as if {@code epochs} and {@code steps} had been trained already. */
  void resumeAt(int epochs, int steps) {
    epochsDone = epochs;
    step().resumeAt(steps);
  }
}
