/** JMH benchmarks, started with {@code benchmarks/run}. */
@NullMarked
package dev.tandem.benchmarks;

import org.jspecify.annotations.NullMarked;
