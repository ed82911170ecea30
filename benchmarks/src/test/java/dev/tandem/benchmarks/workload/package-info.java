@NullMarked
package dev.tandem.benchmarks.workload;

import org.jspecify.annotations.NullMarked;
