package dev.tandem.cuda;

import jcuda.driver.CUresult;
import jcuda.driver.JCudaDriver;

/** Names of the driver's statuses. */
final class Driver {
  private Driver() {
  }

  /** {@code CUDA_ERROR_ILLEGAL_ADDRESS}. */
  static String name(int status) {
    String[] text = new String[1];
    return JCudaDriver.cuGetErrorName(status, text) == CUresult.CUDA_SUCCESS && text[0] != null ? text[0]
        : "status " + status;
  }

  /** {@code an illegal memory access was encountered}. */
  static String meaning(int status) {
    String[] text = new String[1];
    return JCudaDriver.cuGetErrorString(status, text) == CUresult.CUDA_SUCCESS && text[0] != null ? text[0]
        : "unknown to this driver";
  }

  /** Whether a context can do nothing more after this status: a kernel faulted or the device fell off. */
  static boolean isSticky(int status) {
    return switch (status) {
      case CUresult.CUDA_ERROR_ILLEGAL_ADDRESS, CUresult.CUDA_ERROR_LAUNCH_TIMEOUT, CUresult.CUDA_ERROR_ASSERT,
          CUresult.CUDA_ERROR_HARDWARE_STACK_ERROR, CUresult.CUDA_ERROR_ILLEGAL_INSTRUCTION,
          CUresult.CUDA_ERROR_MISALIGNED_ADDRESS, CUresult.CUDA_ERROR_INVALID_ADDRESS_SPACE,
          CUresult.CUDA_ERROR_INVALID_PC, CUresult.CUDA_ERROR_LAUNCH_FAILED, CUresult.CUDA_ERROR_ECC_UNCORRECTABLE,
          CUresult.CUDA_ERROR_NVLINK_UNCORRECTABLE -> true;
      default -> false;
    };
  }
}
