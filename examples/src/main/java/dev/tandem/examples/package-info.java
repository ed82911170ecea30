/**
 * Programs that train, one file each: {@link dev.tandem.examples.Xor}, {@link dev.tandem.examples.Logistic}, {@link
 * dev.tandem.examples.Mlp}. They choose nothing but a device. What surrounds them (command line, progress, metrics,
 * checkpoints) begins at {@link dev.tandem.examples.Main}.
 */
@NullMarked
package dev.tandem.examples;

import org.jspecify.annotations.NullMarked;
