/**
 * Samples in host memory: datasets, the loader that makes batches of them in the background, and readers of well-known
 * sets. Knows no tensor and no device, so that loader threads need neither.
 */
@NullMarked
package dev.tandem.core.data;

import org.jspecify.annotations.NullMarked;
