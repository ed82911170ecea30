/** Training: a step as one unit that is replayed when it repeats, and a loop over epochs with metrics, listeners and checkpoints. */
@NullMarked
package dev.tandem.core.train;

import org.jspecify.annotations.NullMarked;
