/** Other libraries as sides of {@code benchmarks/run peers}. */
@org.jspecify.annotations.NullMarked
package dev.tandem.peers;
