/**
 * Layers, models, losses and initialisers, written with tensors: no device and no gradient appears here. Names, shapes and layouts of
 * state follow PyTorch, so that weights move both ways.
 */
@NullMarked
package dev.tandem.core.nn;

import org.jspecify.annotations.NullMarked;
