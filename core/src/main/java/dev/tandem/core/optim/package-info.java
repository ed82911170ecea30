/**
 * Optimizers: each is one pointwise program over all parameters at once, and what the host computes for it in every step.
 * Schedules of the learning rate, and clipping of gradients.
 */
@NullMarked
package dev.tandem.core.optim;

import org.jspecify.annotations.NullMarked;
