package dev.tandem.cuda;

import dev.tandem.core.op.Precision;
import java.nio.charset.StandardCharsets;
import jcuda.driver.JCudaDriver;
import jcuda.jcudnn.JCudnn;
import jcuda.nvrtc.JNvrtc;

/** What people are told of a device. */
final class Description {
  private Description() {
  }

  /** Name, memory, compute capability, versions of driver and libraries, and why there is only fp32 where that is so. */
  static String of(CudaContext context) {
    byte[] name = new byte[256];
    context.enter();
    context.check(JCudaDriver.cuDeviceGetName(name, name.length, context.device()), "cuDeviceGetName");
    long[] bytes = new long[1];
    context.check(JCudaDriver.cuDeviceTotalMem(bytes, context.device()), "cuDeviceTotalMem");
    long cudnn = JCudnn.cudnnGetVersion();
    return String.format("%s, %.1f GiB, compute capability %d.%d, driver for CUDA %s, NVRTC %s, cuDNN %d.%d.%d%s",
        text(name), bytes[0] / 0x1p30, context.computeCapability() / 10, context.computeCapability() % 10,
        Libraries.get().driverVersion(), nvrtc(), cudnn / 10_000, cudnn / 100 % 100, cudnn % 100, limits(context));
  }

  private static String limits(CudaContext context) {
    return context.precisions().contains(Precision.BF16) ? ""
        : ", fp32 only as tf32 and bf16 want compute capability 8.0";
  }

  /** {@code 12.6}. */
  static String nvrtc() {
    int[] major = new int[1];
    int[] minor = new int[1];
    JNvrtc.nvrtcVersion(major, minor);
    return major[0] + "." + minor[0];
  }

  private static String text(byte[] zeroTerminated) {
    int end = 0;
    while (end < zeroTerminated.length && zeroTerminated[end] != 0) {
      end++;
    }
    return new String(zeroTerminated, 0, end, StandardCharsets.UTF_8).strip();
  }
}
