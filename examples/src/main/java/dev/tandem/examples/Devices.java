package dev.tandem.examples;

import dev.tandem.core.tensor.Device;

/** Shows what there is to train on. */
public final class Devices implements Example {
  @Override
  public String name() {
    return "devices";
  }

  @Override
  public String description() {
    return "lists the devices found, and why others cannot be used";
  }

  @Override
  public void run(Session session) {
    for (Device device : Device.all()) {
      session.print(device.name() + ": " + device.describe() + "; computes in " + Session.precisions(device));
    }
    Device.refusals().forEach((kind, reason) -> session.print(kind + ": not usable: " + reason));
  }
}
