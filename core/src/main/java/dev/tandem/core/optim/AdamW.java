package dev.tandem.core.optim;

/**
 * Adam with decoupled weight decay (Loshchilov and Hutter: Decoupled Weight Decay Regularization, ICLR 2019,
 * algorithm 2): {@code p = p - lr weightDecay p} before Adam's step, the penalty not entering m and v.
 */
public final class AdamW extends Adam {
  public AdamW(double learningRate, double weightDecay) {
    this(learningRate, 0.9, 0.999, 1e-8, weightDecay);
  }

  public AdamW(double learningRate, double beta1, double beta2, double eps, double weightDecay) {
    super(learningRate, beta1, beta2, eps, weightDecay, true);
  }
}
