package dev.tandem.examples;

import dev.tandem.core.autograd.Gradients;
import dev.tandem.core.data.Batch;
import dev.tandem.core.nn.Initializer;
import dev.tandem.core.nn.Initializers;
import dev.tandem.core.nn.Linear;
import dev.tandem.core.nn.Sequential;
import dev.tandem.core.nn.Sigmoid;
import dev.tandem.core.optim.Sgd;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.tensor.Tensor;
import dev.tandem.core.train.EpochResult;
import dev.tandem.core.train.TrainStep;
import java.util.Arrays;
import java.util.Map;

/**
 * Exclusive or, which no single layer can learn: the network that became known as eleven lines of NumPy (A. Trask, "A
 * Neural Network in 11 lines of Python", 2015), as a hand-written loop. Plain gradient descent on half the squared
 * error, all four rows in each step.
 */
public final class Xor implements Example {
  private static final int REPORT_EVERY = 200;

  /** The third column is always 1 and serves as bias. */
  private static final Batch ROWS = Batch.of(
      HostArray.of(new float[] {0, 0, 1, 0, 1, 1, 1, 0, 1, 1, 1, 1}, 4, 3),
      HostArray.of(new float[] {0, 1, 1, 0}, 4, 1));

  @Override
  public String name() {
    return "xor";
  }

  @Override
  public String description() {
    return "exclusive or with two sigmoid layers, a hand-written loop";
  }

  /** An epoch is 200 iterations. */
  @Override
  public int epochs() {
    return 10;
  }

  @Override
  public int batch() {
    return ROWS.size();
  }

  @Override
  public void run(Session session) {
    Initializer uniform = Initializers.uniform(-1, 1);
    var network = new Sequential(
        new Linear(3, 4, false, uniform), new Sigmoid(),
        new Linear(4, 1, false, uniform), new Sigmoid())
        .on(session.device(), session.seed());
    var optimizer = new Sgd(1).on(network);
    var step = TrainStep.of(optimizer, session.seed(), rows -> {
      Tensor squaredError = network.apply(rows.get(0)).sub(rows.get(1)).square();
      optimizer.update(Gradients.of(squaredError.sum().mul(0.5)));
      return squaredError.mean();
    }).capture(session.capture()).precision(session.precision());

    session.begin(network, ROWS.size() + " rows");
    int iterations = Math.min(REPORT_EVERY, session.length().steps());
    for (int epoch = 1; epoch <= session.length().epochs(); epoch++) {
      long began = System.nanoTime();
      float loss = Float.NaN;
      for (int i = 0; i < iterations; i++) {
        loss = step.run(ROWS).item();
      }
      double seconds = (System.nanoTime() - began) * 1e-9;
      session.record(new EpochResult(epoch, loss, null, Map.of(), seconds, iterations * ROWS.size() / seconds));
      session.print("iteration " + epoch * iterations + "  mean squared error " + loss);
    }
    Tensor outputs = network.apply(Tensor.of(session.device(), ROWS.get(0)));
    session.print("outputs " + Arrays.toString(outputs.toArray()) + " for the targets "
        + Arrays.toString(ROWS.get(1).toFloats()));
  }
}
