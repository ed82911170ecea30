package dev.tandem.core.optim;

import dev.tandem.core.autograd.Gradients;
import dev.tandem.core.nn.Parameter;
import dev.tandem.core.nn.ParameterBuffer;
import dev.tandem.core.tensor.Tensor;
import dev.tandem.core.tensor.View;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Parameters side by side in one flat buffer, by path: what is done to all of them is one operation. */
record ParameterRun(ParameterBuffer buffer, List<Map.Entry<String, Parameter>> parameters, int from, int to) {
  /** Part of a run: elements {@code from} to {@code to} of the buffer, and the parameters there. */
  record Range(ParameterRun run, int from, int to, List<Parameter> parameters) {
    /** F32 [n], in place. */
    Tensor values() {
      return slice(run.buffer.values(), from, to);
    }

    /** F32 [n], in place. */
    Tensor gradients() {
      return slice(run.buffer.gradients(), from, to);
    }

    /** The part of a state of the whole run that belongs to this range. */
    Tensor part(Tensor state) {
      return slice(state, from - run.from, to - run.from);
    }
  }

  ParameterRun {
    parameters = List.copyOf(parameters);
  }

  /** Elements between two aligned parameters are fewer than this. */
  private static final int MAX_GAP = 16;

  /** As few runs as hold exactly these parameters, gaps of alignment aside. */
  static List<ParameterRun> of(Collection<Map.Entry<String, Parameter>> parameters) {
    Map<ParameterBuffer, List<Map.Entry<String, Parameter>>> byBuffer = new LinkedHashMap<>();
    for (Map.Entry<String, Parameter> e : parameters) {
      ParameterBuffer buffer = e.getValue().buffer();
      if (buffer == null) {
        throw new IllegalStateException(e.getKey() + " is on no device");
      }
      byBuffer.computeIfAbsent(buffer, b -> new ArrayList<>()).add(e);
    }
    List<ParameterRun> runs = new ArrayList<>();
    for (Map.Entry<ParameterBuffer, List<Map.Entry<String, Parameter>>> one : byBuffer.entrySet()) {
      List<Map.Entry<String, Parameter>> all = one.getValue();
      all.sort(Comparator.comparingLong(e -> e.getValue().offset()));
      int first = 0;
      for (int i = 1; i <= all.size(); i++) {
        if (i == all.size() || begin(all.get(i)) - end(all.get(i - 1)) >= MAX_GAP) {
          runs.add(new ParameterRun(one.getKey(), all.subList(first, i), begin(all.get(first)), end(all.get(i - 1))));
          first = i;
        }
      }
    }
    return runs;
  }

  private static int begin(Map.Entry<String, Parameter> e) {
    return (int) e.getValue().offset();
  }

  private static int end(Map.Entry<String, Parameter> e) {
    return (int) (e.getValue().offset() + e.getValue().shape().size());
  }

  int size() {
    return to - from;
  }

  /**
   * The parts whose parameters have gradients, which then lie in the flat buffer. What lies there for other parameters
   * is left from earlier steps and in no range.
   */
  List<Range> ranges(Gradients gradients) {
    List<Range> ranges = new ArrayList<>();
    List<Parameter> open = new ArrayList<>();
    int begin = 0;
    int end = 0;
    for (Map.Entry<String, Parameter> e : parameters) {
      if (collect(gradients, e.getValue())) {
        begin = open.isEmpty() ? begin(e) : begin;
        end = end(e);
        open.add(e.getValue());
      } else if (!open.isEmpty()) {
        ranges.add(new Range(this, begin, end, List.copyOf(open)));
        open.clear();
      }
    }
    if (!open.isEmpty()) {
      ranges.add(new Range(this, begin, end, List.copyOf(open)));
    }
    return ranges;
  }

  /** Sees to it that the gradient of {@code p} lies in the flat buffer; false if there is none. */
  private static boolean collect(Gradients gradients, Parameter p) {
    Tensor g = gradients.get(p.tensor());
    if (g == null) {
      return false;
    }
    Tensor destination = p.tensor().gradientDestination();
    if (destination != null && g != destination) {
      destination.assign(g);
    }
    return true;
  }

  /** The part of a state of the whole run that belongs to {@code p}, in its shape. */
  Tensor part(Tensor state, Parameter p) {
    int at = (int) p.offset() - from;
    return slice(state, at, at + (int) p.shape().size()).quietView(new View.Reshape(p.shape()));
  }

  private static Tensor slice(Tensor flat, int from, int to) {
    return flat.quietView(new View.Slice(0, from, to, 1));
  }
}
