/** Pieces of work that several libraries can do alike, and Tandem's way to do them. */
@org.jspecify.annotations.NullMarked
package dev.tandem.benchmarks.work;
