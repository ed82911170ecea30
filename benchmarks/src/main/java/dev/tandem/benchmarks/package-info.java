/** Benchmarks, started with {@code benchmarks/run}: JMH's, and steps of whole models to set beside those of a peer. */
@NullMarked
package dev.tandem.benchmarks;

import org.jspecify.annotations.NullMarked;
