/**
 * Programs that train, one file each, listed in {@link dev.tandem.examples.Example#all}. They choose nothing but a
 * device. What surrounds them (command line, progress, metrics, checkpoints) begins at {@link
 * dev.tandem.examples.Main}.
 */
@NullMarked
package dev.tandem.examples;

import org.jspecify.annotations.NullMarked;
