/**
 * Files: IDX arrays, safetensors, the JSON they need, and downloads with a checksum. A file is untrusted data: what it
 * declares is checked against what it has before any memory is taken for it, and what is wrong with it is said in one
 * {@link FileFormatException}.
 */
@NullMarked
package dev.tandem.core.io;

import org.jspecify.annotations.NullMarked;
