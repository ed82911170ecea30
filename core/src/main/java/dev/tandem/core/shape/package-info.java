/** Shapes, element types, memory layouts and host-side values. Knows nothing of devices, operations or gradients. */
@NullMarked
package dev.tandem.core.shape;

import org.jspecify.annotations.NullMarked;
