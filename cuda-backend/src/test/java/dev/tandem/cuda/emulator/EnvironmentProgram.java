package dev.tandem.cuda.emulator;

import static dev.tandem.cuda.emulator.Emulator.allocate;
import static dev.tandem.cuda.emulator.Emulator.check;
import static dev.tandem.cuda.emulator.Emulator.download;
import static dev.tandem.cuda.emulator.Emulator.function;
import static dev.tandem.cuda.emulator.Emulator.launch;
import static dev.tandem.cuda.emulator.Emulator.module;
import static dev.tandem.cuda.emulator.Emulator.stream;
import static dev.tandem.cuda.emulator.Emulator.upload;

import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import jcuda.Pointer;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUevent;
import jcuda.driver.CUfunction;
import jcuda.driver.CUstream;
import jcuda.driver.JCudaDriver;

/** Runs in a JVM of its own, for the emulator reads its environment once, and prints what it saw. */
final class EnvironmentProgram {
  private static final String SOURCE = """
      extern "C" __global__ void set(float* y, float v) { y[0] = v; }
      extern "C" __global__ void last(int* y) { y[0] = blockIdx.x; }
      extern "C" __global__ void past(float* y) { y[1] = 1.f; }
      """;

  private EnvironmentProgram() {
  }

  public static void main(String[] arguments) {
    Emulator.start();
    switch (arguments[0]) {
      case "failures" -> failures();
      case "memory" -> memory();
      case "lazy" -> lazy();
      case "order" -> order();
      case "unchecked" -> unchecked();
      case "log" -> set(stream(), allocate(4), 1);
      default -> throw new IllegalArgumentException(arguments[0]);
    }
    System.exit(0);
  }

  private static CUfunction kernel(String name) {
    return function(module(SOURCE), name);
  }

  private static void set(CUstream stream, CUdeviceptr y, float value) {
    check(launch(kernel("set"), 1, 1, 0, stream, y, value));
  }

  private static void failures() {
    for (int i = 0; i < 4; i++) {
      System.out.println("alloc " + JCudaDriver.cuMemAlloc(new CUdeviceptr(), 64));
    }
  }

  private static void memory() {
    CUdeviceptr a = new CUdeviceptr();
    System.out.println("half " + JCudaDriver.cuMemAlloc(a, 600));
    System.out.println("too much " + JCudaDriver.cuMemAlloc(new CUdeviceptr(), 600));
    check(JCudaDriver.cuMemFree(a));
    System.out.println("after free " + JCudaDriver.cuMemAlloc(new CUdeviceptr(), 600));
  }

  private static FloatBuffer pinned(Pointer host) {
    check(JCudaDriver.cuMemHostAlloc(host, 4, 0));
    FloatBuffer values = host.getByteBuffer(0, 4).order(ByteOrder.nativeOrder()).asFloatBuffer();
    values.put(0, -1);
    return values;
  }

  private static void lazy() {
    Pointer host = new Pointer();
    FloatBuffer value = pinned(host);
    CUstream first = stream();
    CUdeviceptr y = upload(0f);
    set(first, y, 1);
    check(JCudaDriver.cuMemcpyDtoHAsync(host, y, 4, first));
    System.out.println("before the wait " + value.get(0));
    System.out.println("query " + JCudaDriver.cuStreamQuery(first));
    check(JCudaDriver.cuStreamSynchronize(first));
    System.out.println("after the wait " + value.get(0));

    CUstream second = stream();
    CUevent event = new CUevent();
    check(JCudaDriver.cuEventCreate(event, 2));
    set(first, y, 2);
    check(JCudaDriver.cuEventRecord(event, first));
    check(JCudaDriver.cuMemcpyDtoHAsync(host, y, 4, second));
    check(JCudaDriver.cuStreamSynchronize(second));
    System.out.println("other stream without the event " + value.get(0));
    check(JCudaDriver.cuStreamWaitEvent(second, event, 0));
    check(JCudaDriver.cuMemcpyDtoHAsync(host, y, 4, second));
    System.out.println("other stream with the event before the wait " + value.get(0));
    check(JCudaDriver.cuStreamSynchronize(second));
    System.out.println("other stream with the event " + value.get(0));
  }

  private static void order() {
    CUdeviceptr y = allocate(4);
    check(launch(kernel("last"), 10, 1, 0, null, y));
    System.out.println("last block " + Float.floatToRawIntBits(download(y, 1)[0]));
  }

  private static void unchecked() {
    check(launch(kernel("past"), 1, 1, 0, null, allocate(4)));
    System.out.println("past the end " + JCudaDriver.cuCtxSynchronize());
  }
}
