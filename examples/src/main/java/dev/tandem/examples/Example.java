package dev.tandem.examples;

import java.io.IOException;
import java.util.List;

/** A program that {@code examples/run} can start. */
public interface Example {
  /** All of them, in the order they are listed. */
  static List<Example> all() {
    return List.of(new Xor(), new Logistic(), new Mlp(), new Cnn(), new Resnet(), new Autoencoder(),
        new CharacterLstm(),
        new CharacterTransformer(), new GruForecast(), new Gcn(), new Devices());
  }

  /** What the user writes. */
  String name();

  /** What it does, in one line. */
  String description();

  /** Passes over the training data unless the user says otherwise; 0 for a program that does not train. */
  default int epochs() {
    return 0;
  }

  /** Samples in a training step unless the user says otherwise. */
  default int batch() {
    return 0;
  }

  /** What the user may choose from with {@code --dataset}, the usual one first; empty where there is no choice. */
  default List<String> datasets() {
    return List.of();
  }

  /** Whether it makes something that {@code --output} names a file for. */
  default boolean hasOutput() {
    return false;
  }

  /** @throws IOException if data cannot be read */
  void run(Session session) throws IOException;
}
