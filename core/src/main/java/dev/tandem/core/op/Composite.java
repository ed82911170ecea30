package dev.tandem.core.op;

/**
 * Operations that a backend may claim as one. Forward composites that no one claims are decomposed into mandatory ones; unclaimed
 * gradients come from the tape.
 */
public sealed interface Composite extends Op permits SoftmaxCrossEntropy, SoftmaxCrossEntropyGrad {
}
