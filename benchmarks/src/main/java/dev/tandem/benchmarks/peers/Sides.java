package dev.tandem.benchmarks.peers;

import dev.tandem.benchmarks.work.Side;
import dev.tandem.benchmarks.work.Tandem;
import dev.tandem.benchmarks.work.VectorLoops;
import java.util.ArrayList;
import java.util.List;
import java.util.ServiceLoader;

/** The libraries that can be compared: Tandem, its yardstick, and what the class path brings. */
final class Sides {
  private Sides() {
  }

  /** All but Tandem. */
  static List<Side> peers() {
    List<Side> peers = new ArrayList<>();
    peers.add(new VectorLoops());
    ServiceLoader.load(Side.class).forEach(peers::add);
    return peers;
  }

  /** @throws IllegalArgumentException if there is none of this name */
  static Side of(String name) {
    if (name.equals(Tandem.NAME)) {
      return new Tandem();
    }
    List<Side> peers = peers();
    return peers.stream().filter(s -> s.name().equals(name)).findFirst().orElseThrow(
        () -> new IllegalArgumentException(
            "no peer is called '" + name + "'; there are " + peers.stream().map(Side::name).toList()));
  }
}
