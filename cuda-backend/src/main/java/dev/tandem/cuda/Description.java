package dev.tandem.cuda;

import jcuda.driver.JCudaDriver;

/** What people are told of a device. */
final class Description {
  private Description() {
  }

  static String of(CudaContext context) {
    byte[] name = new byte[256];
    context.enter();
    context.check(JCudaDriver.cuDeviceGetName(name, name.length, context.device()), "cuDeviceGetName");
    long[] bytes = new long[1];
    context.check(JCudaDriver.cuDeviceTotalMem(bytes, context.device()), "cuDeviceTotalMem");
    int end = 0;
    while (end < name.length && name[end] != 0) {
      end++;
    }
    return String.format("%s, %.1f GiB, compute capability %d.%d, %s",
        new String(name, 0, end, java.nio.charset.StandardCharsets.UTF_8), bytes[0] / 0x1p30,
        context.computeCapability() / 10, context.computeCapability() % 10, Libraries.describe());
  }
}
