/**
 * The CPU backend: pure Java on the Vector API, with scalar twins where {@code jdk.incubator.vector} is absent. Everything here works
 * on raw addresses; {@link dev.tandem.cpu.CpuBackend} checks every operand against its storage before a kernel sees it.
 */
@NullMarked
package dev.tandem.cpu;

import org.jspecify.annotations.NullMarked;
