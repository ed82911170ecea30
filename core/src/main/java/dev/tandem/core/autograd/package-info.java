/**
 * Gradients by tape: what a step did to tensors that require gradients is recorded, then walked backwards once. Every gradient rule
 * is written here, from operations that every backend has.
 */
@NullMarked
package dev.tandem.core.autograd;

import org.jspecify.annotations.NullMarked;
