/**
 * Tests of the emulated CUDA libraries of module native, driven through unmodified JCuda: that they compute what CUDA's
 * compute, and that each of their safety nets catches the fault it is there for.
 */
@NullMarked
package dev.tandem.cuda.emulator;

import org.jspecify.annotations.NullMarked;
