package dev.tandem.core.nn;

import dev.tandem.core.shape.DType;
import dev.tandem.core.shape.Shape;
import dev.tandem.core.shape.Spec;
import dev.tandem.core.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * What the layers of a model make of an input, and what they cost: {@code System.out.println(Summary.of(model, 64, 1, 28, 28))}.
 * Found from shapes alone: no memory is allocated, nothing is computed, and the model, on a device or still a recipe, stays as it is.
 *
 * @param rows one for each time a layer runs in inference, in order, a containing block before its parts
 * @param parameters trained values of the whole model; shared ones count once
 */
public record Summary(List<Row> rows, long parameters) {
  /**
   * One run of a block.
   *
   * @param path its names from the model down: {@code Sequential.0}
   * @param type its class
   * @param outputs shapes of its results
   * @param parameters trained values of its own, not of its parts; those that a row above has counted are left out
   * @param multiplyAdds of its own matrix products and convolutions, not of its parts
   * @param activationBytes memory of its results, unless they are those of a part or views of its input
   */
  public record Row(String path, String type, List<Shape> outputs, long parameters, long multiplyAdds,
      long activationBytes) {
    public Row {
      outputs = List.copyOf(outputs);
    }
  }

  public Summary {
    rows = List.copyOf(rows);
  }

  /** @param inputShape F32, with the batch */
  public static Summary of(Module model, int... inputShape) {
    return of(model, new Spec(Shape.of(inputShape), DType.F32));
  }

  /** For an input of another dtype, such as I32 indices. */
  public static Summary of(Module model, Spec input) {
    return of(model, in -> List.of(model.apply(in.get(0))), input);
  }

  /** @param inputs by name */
  public static Summary of(GraphModel model, Map<String, Spec> inputs) {
    if (!inputs.keySet().containsAll(model.inputs())) {
      throw new IllegalArgumentException(
          model.name() + " has the inputs " + model.inputs() + " and was given " + inputs.keySet());
    }
    return of(model, in -> model.apply(in.toArray(Tensor[]::new)),
        model.inputs().stream().map(inputs::get).toArray(Spec[]::new));
  }

  /**
   * For a model with an {@code apply} of its own.
   *
   * @param apply runs it on tensors of the specs {@code inputs}
   */
  public static Summary of(Block model, Function<List<Tensor>, List<Tensor>> apply, Spec... inputs) {
    return new Summary(ShapeInference.run(apply, inputs), model.parameterCount());
  }

  /** Of all rows. */
  public long multiplyAdds() {
    return rows.stream().mapToLong(Row::multiplyAdds).sum();
  }

  /** Of all rows: what training keeps for the gradient is about this, inference frees most of it on the way. */
  public long activationBytes() {
    return rows.stream().mapToLong(Row::activationBytes).sum();
  }

  /** A table for people. */
  @Override
  public String toString() {
    List<List<String>> lines = new ArrayList<>();
    lines.add(List.of("layer", "type", "output", "parameters", "multiply-adds", "activations"));
    for (Row row : rows) {
      lines.add(List.of(label(row.path), row.type,
          row.outputs.stream().map(Shape::toString).collect(Collectors.joining(", ")), number(row.parameters),
          number(row.multiplyAdds), bytes(row.activationBytes)));
    }
    lines.add(List.of("total", "", "", number(parameters), number(multiplyAdds()), bytes(activationBytes())));
    int[] widths = new int[6];
    for (List<String> line : lines) {
      for (int k = 0; k < widths.length; k++) {
        widths[k] = Math.max(widths[k], line.get(k).length());
      }
    }
    StringBuilder table = new StringBuilder();
    for (List<String> line : lines) {
      StringBuilder text = new StringBuilder();
      for (int k = 0; k < widths.length; k++) {
        String gap = " ".repeat(widths[k] - line.get(k).length());
        text.append(k == 0 ? "" : "  ").append(k < 3 ? line.get(k) + gap : gap + line.get(k));
      }
      table.append(text.toString().stripTrailing()).append('\n');
    }
    return table.toString();
  }

  /** The path without the model itself, set in by its depth. */
  private static String label(String path) {
    int depth = (int) path.chars().filter(c -> c == '.').count();
    return depth == 0 ? path : "  ".repeat(depth) + path.substring(path.indexOf('.') + 1);
  }

  private static String number(long n) {
    return String.format(Locale.ROOT, "%,d", n);
  }

  private static String bytes(long n) {
    if (n < 1024) {
      return n + " B";
    }
    return n < 1 << 20
        ? String.format(Locale.ROOT, "%.1f KiB", n / 1024.0)
        : String.format(Locale.ROOT, "%.1f MiB", n / (double) (1 << 20));
  }
}
