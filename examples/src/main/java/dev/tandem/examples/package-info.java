/**
 * Programs that train, one file each: those that {@link dev.tandem.examples.Example#all} lists. They choose nothing but a
 * device. What surrounds them (command line, progress, metrics, checkpoints) begins at {@link dev.tandem.examples.Main}.
 */
@NullMarked
package dev.tandem.examples;

import org.jspecify.annotations.NullMarked;
