/** Models that are timed, each with its data, loss, optimizer and count of work; what times them is elsewhere. */
@NullMarked
package dev.tandem.benchmarks.workload;

import org.jspecify.annotations.NullMarked;
