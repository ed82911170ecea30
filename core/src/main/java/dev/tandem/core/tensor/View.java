package dev.tandem.core.tensor;

import dev.tandem.core.shape.Layout;
import dev.tandem.core.shape.Shape;
import java.util.List;

/** A change of layout: no backend work, but the tape must know. */
public sealed interface View {
  Layout apply(Layout layout);

  /** Of a layout for which {@link Layout#reshape} succeeds. */
  record Reshape(Shape target) implements View {
    @Override
    public Layout apply(Layout l) {
      return l.reshape(target).orElseThrow();
    }
  }

  /** Repetition along dimensions of 1 and new leading ones. */
  record Expand(Shape target) implements View {
    @Override
    public Layout apply(Layout l) {
      return l.expand(target);
    }
  }

  /** Axis {@code i} of the result is axis {@code axes[i]} of the viewed tensor. */
  record Permute(List<Integer> axes) implements View {
    public Permute {
      axes = List.copyOf(axes);
    }

    @Override
    public Layout apply(Layout l) {
      return l.permute(array(axes));
    }

    /** The permutation that undoes this one. */
    public Permute inverse() {
      Integer[] back = new Integer[axes.size()];
      for (int i = 0; i < back.length; i++) {
        back[axes.get(i)] = i;
      }
      return new Permute(List.of(back));
    }

    private static int[] array(List<Integer> list) {
      int[] array = new int[list.size()];
      for (int i = 0; i < array.length; i++) {
        array[i] = list.get(i);
      }
      return array;
    }
  }

  /** Elements {@code from}, {@code from + step}, … before {@code to} along {@code axis}. */
  record Slice(int axis, int from, int to, int step) implements View {
    @Override
    public Layout apply(Layout l) {
      return l.slice(axis, from, to, step);
    }
  }
}
