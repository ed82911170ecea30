package dev.tandem.examples;

import de.siegmar.fastcsv.reader.NamedCsvRecord;
import dev.tandem.core.data.ArrayDataset;
import dev.tandem.core.data.Batch;
import dev.tandem.core.data.Dataset;
import dev.tandem.core.data.Normalize;
import dev.tandem.core.io.FileFormatException;
import dev.tandem.core.nn.Gru;
import dev.tandem.core.nn.LastStep;
import dev.tandem.core.nn.Linear;
import dev.tandem.core.nn.Losses;
import dev.tandem.core.nn.RecurrentOptions;
import dev.tandem.core.nn.Sequential;
import dev.tandem.core.optim.Adam;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.tensor.Tensor;
import dev.tandem.core.train.Trainer;
import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;

/**
 * Gated recurrent units forecast a year of airline passengers (Box and Jenkins, Time Series Analysis, 1970, series G:
 * thousands a month, 1949 to 1960). Judged by the last two years, against who says "as in the same month of last year".
 *
 * <p>The swings grow with the level and repeat every year, so the model reads and predicts growth over the same month
 * of the year before, log y(t) - log y(t-12).
 */
public final class GruForecast implements Example {
  private static final String TABLE = "air_passengers.csv";
  private static final int YEAR = 12;
  /** Months of growth that a forecast is made from. */
  private static final int READ = 2 * YEAR;
  private static final int TEST_MONTHS = 2 * YEAR;
  /** This, READ and the epochs were chosen on forecasts of 1957 and 1958 from the years before. */
  private static final int HIDDEN = 16;
  private static final int FEWEST_MONTHS = YEAR + READ + YEAR + TEST_MONTHS;

  @Override
  public String name() {
    return "gru-forecast";
  }

  @Override
  public String description() {
    return "gated recurrent units forecast airline passengers a year ahead";
  }

  @Override
  public int epochs() {
    return 8;
  }

  @Override
  public int batch() {
    return 8;
  }

  @Override
  public void run(Session session) throws IOException {
    double[] passengers = table(session);
    int end = passengers.length;
    // Forecasts begin at every month that has READ months of growth before it. Those for training end before the test.
    Dataset train = forecasts(passengers, YEAR + READ, end - TEST_MONTHS - YEAR);
    Dataset test = forecasts(passengers, end - TEST_MONTHS, end - YEAR);
    var standardize = Normalize.overall(train, 0);
    train = train.map(0, standardize).map(1, standardize);
    test = test.map(0, standardize).map(1, standardize);

    var model = new Sequential(
        new Gru(1, HIDDEN, RecurrentOptions.DEFAULT.withBatchFirst(true)), new LastStep(1), new Linear(HIDDEN, YEAR));
    var trainer = Trainer.of(model, Losses.mse(), new Adam(3e-3)).clipNorm(1);
    session.fit(trainer, train.batches(session.batch()).shuffled().seed(session.seed()), test.batches(TEST_MONTHS));

    Batch all = test.batch(IntStream.range(0, (int) test.size()).toArray());
    float[] growth = model.apply(Tensor.of(session.device(), all.get(0))).toArray();
    double average =
        IntStream.range(YEAR, end - TEST_MONTHS).mapToDouble(m -> growth(passengers, m)).average().orElseThrow();
    session.print(test.size() + " forecasts of a year, errors in thousands of passengers:");
    double ours =
        report(session, "this model", passengers, i -> growth[i] * standardize.std()[0] + standardize.mean()[0]);
    double naive = report(session, "as last year (seasonal naive)", passengers, i -> 0);
    report(session, "last year and average growth", passengers, i -> average);
    session.print("the model " + (ours < naive ? "beats" : "does not beat") + " the seasonal-naive forecast");
  }

  /**
   * For each month from {@code first} to {@code last} the growth in the READ months before it, F32[READ, 1], and in the
   * year that it begins, F32[YEAR].
   */
  private static Dataset forecasts(double[] passengers, int first, int last) {
    int n = last - first + 1;
    float[] before = new float[n * READ];
    float[] after = new float[n * YEAR];
    for (int i = 0; i < n; i++) {
      for (int m = 0; m < READ; m++) {
        before[i * READ + m] = growth(passengers, first + i - READ + m);
      }
      for (int m = 0; m < YEAR; m++) {
        after[i * YEAR + m] = growth(passengers, first + i + m);
      }
    }
    return new ArrayDataset(HostArray.of(before, n, READ, 1), HostArray.of(after, n, YEAR));
  }

  private static float growth(double[] passengers, int month) {
    return (float) Math.log(passengers[month] / passengers[month - YEAR]);
  }

  /**
   * Shows how far off the forecasts of the test are.
   *
   * @param growth forecast for the month i % YEAR of forecast i / YEAR
   * @return root mean squared error, thousands of passengers
   */
  private static double report(Session session, String who, double[] passengers, IntToDoubleFunction growth) {
    double absolute = 0;
    double squared = 0;
    int months = (TEST_MONTHS - YEAR + 1) * YEAR;
    for (int i = 0; i < months; i++) {
      int month = passengers.length - TEST_MONTHS + i / YEAR + i % YEAR;
      double error = passengers[month - YEAR] * Math.exp(growth.applyAsDouble(i)) - passengers[month];
      absolute += Math.abs(error) / months;
      squared += error * error / months;
    }
    session.print(String.format(Locale.ROOT, "  %-29s MAE %6.2f  RMSE %6.2f", who, absolute, Math.sqrt(squared)));
    return Math.sqrt(squared);
  }

  /** Thousands of passengers, month after month. */
  private static double[] table(Session session) throws IOException {
    List<NamedCsvRecord> rows = Table.rows(session, TABLE);
    if (rows.size() < FEWEST_MONTHS) {
      throw new FileFormatException(TABLE, "has " + rows.size() + " months; at least " + FEWEST_MONTHS + " are needed");
    }
    double[] passengers = new double[rows.size()];
    for (int m = 0; m < passengers.length; m++) {
      passengers[m] = Table.number(TABLE, rows.get(m), 1);
      if (passengers[m] <= 0) {
        throw Table.mistake(TABLE, rows.get(m), "has " + passengers[m] + " passengers, which has no logarithm");
      }
    }
    return passengers;
  }
}
