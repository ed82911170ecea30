/**
 * Elementwise programs: activations, loss terms, optimizer updates, masks. Written once as expressions, differentiated
 * symbolically, run by every backend in its own way.
 */
@NullMarked
package dev.tandem.core.pointwise;

import org.jspecify.annotations.NullMarked;
