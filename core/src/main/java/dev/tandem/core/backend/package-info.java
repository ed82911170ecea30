/**
 * What a device must be able to do. Backends see shapes, operations, pointwise programs and this package; never tensors, gradients
 * or modules. They are found with {@link java.util.ServiceLoader} through {@link dev.tandem.core.backend.BackendProvider}.
 */
@NullMarked
package dev.tandem.core.backend;

import org.jspecify.annotations.NullMarked;
