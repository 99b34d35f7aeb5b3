package com.examples.grpcredis.server;

import java.util.List;

/**
 * Store of places and notes.
 *
 * <p>Every method throws {@link Unavailable} if the store does not respond. It is safe to use from several threads.
 */
interface PlaceStore extends AutoCloseable {
  /** Key of the geo set of all names, for searches by position. */
  String INDEX = "places:index";

  /** The store does not respond, or not as it should; the caller may retry later. */
  class Unavailable extends RuntimeException {
    private static final long serialVersionUID = 1;

    Unavailable(String message) {
      super(message);
    }

    Unavailable(RuntimeException cause) {
      super(cause.getMessage(), cause);
    }

    /** Returns the kind of the error and its text in one line. */
    String describe() {
      Throwable source = getCause() == null ? this : getCause();
      return source.getClass().getSimpleName() + ": " + getMessage();
    }
  }

  /** The store responds, but does not have all places. */
  final class PlacesMissing extends Unavailable {
    private static final long serialVersionUID = 1;

    PlacesMissing(String message) {
      super(message);
    }
  }

  /** There is no place with the name in {@link #name}. */
  final class UnknownPlace extends RuntimeException {
    private static final long serialVersionUID = 1;

    final String name;

    UnknownPlace(String name) {
      super(name);
      this.name = name;
    }
  }

  /**
   * A place that a search found.
   *
   * @param name name of the place
   * @param distanceKm distance from the searched position in km
   */
  record Near(String name, double distanceKm) {}

  /**
   * A stored note.
   *
   * @param author author of the note
   * @param text text of the note
   * @param ageSeconds age in whole seconds
   */
  record StoredNote(String author, String text, int ageSeconds) {}

  /** Returns the key of a place's hash. */
  static String placeKey(String name) {
    return "place:" + name;
  }

  /** Returns the key of the list of a place's notes. */
  static String notesKey(String name) {
    return "notes:" + name;
  }

  /** Describes the node that owns a key, such as "redis 10.42.0.5:6379". */
  String origin(String key);

  /** Returns the places that the store lacks or has with other values. */
  List<Place> missing(List<Place> places);

  /**
   * Writes the missing places and returns their number.
   *
   * <p>It is idempotent, even if several servers fill the store at the same time.
   */
  int fill(List<Place> places);

  /**
   * Asks every master for a sign of life, and the index for the number of its places.
   *
   * @param expected number of places
   * @throws PlacesMissing if the index has fewer
   */
  void probe(int expected);

  /**
   * Returns the place with the given name.
   *
   * @throws UnknownPlace if there is no such place
   */
  Place get(String name);

  /**
   * Returns the places within a radius, sorted by distance.
   *
   * @param latitude degrees north
   * @param longitude degrees east
   * @param radiusKm radius in km, at most {@link Geo#MAX_DISTANCE_KM}
   * @param limit maximum number of places; 0 for all
   */
  List<Near> near(double latitude, double longitude, double radiusKm, int limit);

  /**
   * Returns the place nearest to a position.
   *
   * @throws UnknownPlace if there are no places
   */
  default Near nearest(double latitude, double longitude) {
    List<Near> found = near(latitude, longitude, Geo.MAX_DISTANCE_KM, 1);
    if (found.isEmpty()) {
      throw new UnknownPlace("any");
    }
    return found.get(0);
  }

  /**
   * Stores a note at a place and returns the earlier notes there, oldest first.
   *
   * @param name name of the place
   * @param author author of the note
   * @param text text of the note
   * @throws UnknownPlace if there is no place with this name
   */
  List<StoredNote> leaveNote(String name, String author, String text);

  /** Closes all connections. */
  @Override
  void close();
}
