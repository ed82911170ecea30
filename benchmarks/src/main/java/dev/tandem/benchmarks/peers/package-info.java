/** Runs the same work in several libraries side by side, after proof that it is the same. */
@org.jspecify.annotations.NullMarked
package dev.tandem.benchmarks.peers;
