package dev.tandem.core.backend;

/** How a backend module makes itself known, as a {@link java.util.ServiceLoader} service. Constructing one must cost next to nothing. */
public interface BackendProvider {
  /** The device type users write: {@code cpu}, {@code cuda}. */
  String name();

  /** The best device is one of the provider with the highest preference that has devices. */
  int preference();

  /** How many devices there are now; 0 when there are none or they cannot be used. */
  int devices();

  /** Why {@link #devices} is 0, and the remedy, in a sentence or a paragraph; empty when it is not. */
  String refusal();

  /** Opens device {@code ordinal}, from 0. */
  Backend open(int ordinal);
}
