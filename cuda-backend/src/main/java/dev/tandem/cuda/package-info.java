/**
 * The backend for NVIDIA GPUs: CUDA's driver, cuBLAS, cuDNN and NVRTC through JCuda, and kernels of our own. Nothing of JCuda is
 * loaded before the driver library is known to exist.
 */
@NullMarked
package dev.tandem.cuda;

import org.jspecify.annotations.NullMarked;
