package dev.tandem.examples;

import de.siegmar.fastcsv.reader.NamedCsvRecord;
import dev.tandem.core.data.ArrayDataset;
import dev.tandem.core.data.Dataset;
import dev.tandem.core.data.Normalize;
import dev.tandem.core.data.Split;
import dev.tandem.core.io.FileFormatException;
import dev.tandem.core.nn.Linear;
import dev.tandem.core.nn.Losses;
import dev.tandem.core.optim.Sgd;
import dev.tandem.core.shape.HostArray;
import dev.tandem.core.train.Metrics;
import dev.tandem.core.train.Trainer;
import java.io.IOException;
import java.util.List;

/**
 * Logistic regression: is a breast mass benign or malignant, judged by 30 measurements of its cell nuclei (Wisconsin
 * Diagnostic Breast Cancer, UCI, CC BY 4.0). One linear layer whose two outputs are the logits of the classes.
 */
public final class Logistic implements Example {
  private static final String TABLE = "breast_cancer.csv";
  private static final int FEATURES = 30;
  private static final double TRAIN_SHARE = 0.8;

  @Override
  public String name() {
    return "logistic";
  }

  @Override
  public String description() {
    return "logistic regression on the Wisconsin breast cancer table";
  }

  @Override
  public int epochs() {
    return 20;
  }

  @Override
  public int batch() {
    return 32;
  }

  @Override
  public void run(Session session) throws IOException {
    Split rows = table(session).split(TRAIN_SHARE, session.seed());
    // The test rows are measured by what the training rows have, and not looked at before.
    var standardize = Normalize.perColumn(rows.train(), 0);
    Dataset train = rows.train().map(0, standardize);
    Dataset test = rows.test().map(0, standardize);

    var trainer =
        Trainer.of(new Linear(FEATURES, 2), Losses.crossEntropy(), new Sgd(0.05, 0.9)).metric(Metrics.accuracy());
    session.fit(trainer, train.batches(session.batch()).shuffled().seed(session.seed()), test.batches(256));
  }

  /** Features F32[30] and class I32[]: 0 malignant, 1 benign. */
  private static Dataset table(Session session) throws IOException {
    List<NamedCsvRecord> rows = Table.rows(session, TABLE);
    float[] features = new float[rows.size() * FEATURES];
    int[] classes = new int[rows.size()];
    for (int r = 0; r < classes.length; r++) {
      for (int f = 0; f < FEATURES; f++) {
        features[r * FEATURES + f] = (float) Table.number(TABLE, rows.get(r), f);
      }
      double benign = Table.number(TABLE, rows.get(r), FEATURES);
      if (benign != 0 && benign != 1) {
        throw new FileFormatException(TABLE,
            "line " + rows.get(r).getStartingLineNumber() + " ends in " + benign + ", and 0 or 1 is wanted");
      }
      classes[r] = (int) benign;
    }
    return new ArrayDataset(HostArray.of(features, classes.length, FEATURES), HostArray.of(classes, classes.length));
  }
}
