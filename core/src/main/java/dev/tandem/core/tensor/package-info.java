/**
 * Tensors, the memory they lease, and the one way from them to a backend. Gradients are somebody else's business: a
 * {@link dev.tandem.core.tensor.Recorder} is told what happened.
 */
@NullMarked
package dev.tandem.core.tensor;

import org.jspecify.annotations.NullMarked;
