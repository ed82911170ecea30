/** Tests of the package. */
@org.jspecify.annotations.NullMarked
package dev.tandem.benchmarks.peers;
