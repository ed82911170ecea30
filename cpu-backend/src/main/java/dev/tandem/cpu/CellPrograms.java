package dev.tandem.cpu;

import dev.tandem.core.pointwise.Expr;

/**
 * What recurrent cells do to elements, between their products. One function in a program: in one loop, two of them in a row are a
 * chain too long for the processor to find other work; two side by side are not, but with more than two C1 may run out of registers,
 * and such a loop stays in a slow tier for good (four of an LSTM's in one: some launches took 120 ms for a step, others 21).
 */
final class CellPrograms {
  private static final Expr A = Expr.input(0);
  private static final Expr B = Expr.input(1);
  private static final Expr C = Expr.input(2);
  private static final Expr ONE = Expr.constant(1);

  /** {@code x, bias -> sigmoid(x + bias)}. */
  static final RowProgram SIGMOID = RowProgram.dense(2, A.add(B).sigmoid());
  /** {@code x, bias -> tanh(x + bias)}. */
  static final RowProgram TANH = RowProgram.dense(2, A.add(B).tanh());
  /** {@code x, bias -> max(x + bias, 0)}. */
  static final RowProgram RELU = RowProgram.dense(2, A.add(B).max(0));
  /** {@code arguments of i and f -> i, f}. */
  static final RowProgram LSTM_GATES = RowProgram.dense(2, A.sigmoid(), B.sigmoid());
  /** {@code i, f, argument of g, c -> g, c'}. */
  static final RowProgram LSTM_CELL =
      RowProgram.dense(4, C.tanh(), B.mul(Expr.input(3)).add(A.mul(C.tanh())));
  /** {@code argument of o, c' -> o, h', h' once more}. */
  static final RowProgram LSTM_HIDDEN =
      RowProgram.dense(2, A.sigmoid(), A.sigmoid().mul(B.tanh()), A.sigmoid().mul(B.tanh()));
  /** {@code x, r, product, bias of x, bias of h -> n, product + bias of h}. */
  static final RowProgram GRU_CANDIDATE = gruCandidate();
  /** {@code z, n, h -> h' = (1 - z) n + z h}. */
  static final RowProgram GRU = RowProgram.dense(3, B.add(A.mul(C.sub(B))));
  /** {@code x, bias, h -> r, r h}. */
  static final RowProgram RESET = RowProgram.dense(3, A.add(B).sigmoid(), A.add(B).sigmoid().mul(C));
  /** {@code z, n, h -> h' = (1 - z) h + z n}. */
  static final RowProgram RESET_BEFORE = RowProgram.dense(3, C.add(A.mul(B.sub(C))));

  /** {@code gradient of h', of y, y -> gradient of the argument of tanh}. */
  static final RowProgram TANH_GRAD = RowProgram.dense(3, A.add(B).mul(ONE.sub(C.mul(C))));
  /** Likewise for relu. */
  static final RowProgram RELU_GRAD =
      RowProgram.dense(3, Expr.constant(0).less(C).where(A.add(B), Expr.constant(0)));
  /** {@code gradients of h', y and c', then i, f, g, o, c', c -> gradients of the arguments of i, f, g, o, and of c}. */
  static final RowProgram LSTM_GRAD = lstmGrad();
  /** {@code gradients of h' and y, then r, z, n, product, h -> gradients of the arguments of r, z, n by x, and by h; of h directly}. */
  static final RowProgram GRU_GRAD = gruGrad();
  /** {@code gradients of h' and y, then z, n, h -> gradients of the arguments of z and n, and of h directly}. */
  static final RowProgram RESET_BEFORE_GRAD = resetBeforeGrad();
  /** {@code gradient of r h, then r, h, gradient of h so far -> gradient of the argument of r, r h, gradient of h}. */
  static final RowProgram RESET_GRAD =
      RowProgram.dense(4, A.mul(C).mul(slope(B)), B.mul(C), Expr.input(3).add(A.mul(B)));

  private CellPrograms() {
  }

  /** The derivative of the sigmoid where its value is {@code s}. */
  private static Expr slope(Expr s) {
    return s.mul(ONE.sub(s));
  }

  private static RowProgram gruCandidate() {
    Expr product = C.add(Expr.input(4));
    return RowProgram.dense(5, A.add(Expr.input(3)).add(B.mul(product)).tanh(), product);
  }

  private static RowProgram lstmGrad() {
    Expr e = A.add(B);
    Expr i = Expr.input(3);
    Expr f = Expr.input(4);
    Expr g = Expr.input(5);
    Expr o = Expr.input(6);
    Expr squashed = Expr.input(7).tanh();
    Expr d = C.add(e.mul(o).mul(ONE.sub(squashed.mul(squashed))));
    Expr ofI = d.mul(g).mul(slope(i));
    Expr ofF = d.mul(Expr.input(8)).mul(slope(f));
    Expr ofG = d.mul(i).mul(ONE.sub(g.mul(g)));
    Expr ofO = e.mul(squashed).mul(slope(o));
    return RowProgram.dense(9, ofI, ofF, ofG, ofO, d.mul(f));
  }

  private static RowProgram gruGrad() {
    Expr e = A.add(B);
    Expr z = Expr.input(3);
    Expr n = Expr.input(4);
    Expr ofN = e.mul(ONE.sub(z)).mul(ONE.sub(n.mul(n)));
    Expr ofR = ofN.mul(Expr.input(5)).mul(slope(C));
    Expr ofZ = e.mul(Expr.input(6).sub(n)).mul(slope(z));
    return RowProgram.dense(7, ofR, ofZ, ofN, ofR, ofZ, ofN.mul(C), e.mul(z));
  }

  private static RowProgram resetBeforeGrad() {
    Expr e = A.add(B);
    Expr n = Expr.input(3);
    return RowProgram.dense(5, e.mul(n.sub(Expr.input(4))).mul(slope(C)), e.mul(C).mul(ONE.sub(n.mul(n))),
        e.mul(ONE.sub(C)));
  }
}
