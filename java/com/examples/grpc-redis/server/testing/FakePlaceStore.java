package com.examples.grpcredis.server;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;

/** In-memory PlaceStore. */
final class FakePlaceStore implements PlaceStore {
  /** If true, every method throws as if Redis did not respond. */
  volatile boolean down;

  /** True after close. */
  volatile boolean closed;

  private final Map<String, Place> places = new ConcurrentHashMap<>();
  private final Map<String, List<StoredNote>> notes = new LinkedHashMap<>();

  FakePlaceStore(Place... places) {
    for (Place place : places) {
      this.places.put(place.name(), place);
    }
  }

  private void check() {
    if (down) {
      throw new Unavailable("Connection refused.");
    }
  }

  /** Removes a place, as if its shard had lost its data. */
  void forget(String name) {
    places.remove(name);
  }

  @Override
  public void close() {
    closed = true;
  }

  @Override
  public String origin(String key) {
    return "redis fake:6379";
  }

  @Override
  public List<Place> missing(List<Place> wanted) {
    check();
    return wanted.stream().filter(place -> !place.equals(places.get(place.name()))).toList();
  }

  @Override
  public int fill(List<Place> wanted) {
    List<Place> lacking = missing(wanted);
    lacking.forEach(place -> places.put(place.name(), place));
    return lacking.size();
  }

  @Override
  public void probe(int expected) {
    check();
    if (places.size() < expected) {
      throw new PlacesMissing("the index has %d of %d places".formatted(places.size(), expected));
    }
  }

  @Override
  public Place get(String name) {
    check();
    Place place = places.get(name);
    if (place == null) {
      throw new UnknownPlace(name);
    }
    return place;
  }

  @Override
  public List<Near> near(double latitude, double longitude, double radiusKm, int limit) {
    check();
    Stream<Near> rows =
        places.values().stream()
            .map(place -> new Near(place.name(), Geo.distanceKm(latitude, longitude, place.latitude(), place.longitude())))
            .filter(row -> row.distanceKm() <= radiusKm)
            .sorted(Comparator.comparing(Near::distanceKm));
    return (limit > 0 ? rows.limit(limit) : rows).toList();
  }

  @Override
  public synchronized List<StoredNote> leaveNote(String name, String author, String text) {
    get(name);
    List<StoredNote> kept = notes.computeIfAbsent(name, unused -> new ArrayList<>());
    List<StoredNote> earlier = List.copyOf(kept);
    kept.add(new StoredNote(author, text, 0));
    return earlier;
  }
}
