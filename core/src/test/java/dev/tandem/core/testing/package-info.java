/**
 * What tests stand on: the reference backend, which is the oracle, and the contract that every backend must fulfil.
 * Packed in core's test jar for the backend modules.
 */
@NullMarked
package dev.tandem.core.testing;

import org.jspecify.annotations.NullMarked;
