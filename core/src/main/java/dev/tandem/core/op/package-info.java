/** Operations as data: sealed records that check their operands and infer what they make of them. */
@NullMarked
package dev.tandem.core.op;

import org.jspecify.annotations.NullMarked;
