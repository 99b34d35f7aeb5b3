package com.examples.grpcredis.server;

import com.examples.common.PythonFormat;
import com.examples.routeguide.v1.Area;
import com.examples.routeguide.v1.FoundPlace;
import com.examples.routeguide.v1.KeptNote;
import com.examples.routeguide.v1.Note;
import com.examples.routeguide.v1.Origin;
import com.examples.routeguide.v1.Position;
import com.examples.routeguide.v1.RouteGuideGrpc;
import com.examples.routeguide.v1.RouteSummary;
import io.grpc.Status;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.function.Supplier;
import java.util.logging.Level;
import java.util.logging.Logger;

/**
 * RouteGuide's four methods, with data from a PlaceStore.
 *
 * <p>The status is INVALID_ARGUMENT for a value out of range, NOT_FOUND for an unknown place, and UNAVAILABLE (retry later)
 * while Redis does not respond.
 */
final class RouteGuideService extends RouteGuideGrpc.RouteGuideImplBase {
  static final double PASSED_WITHIN_KM = 100.0;

  private static final Logger log = Logger.getLogger(RouteGuideService.class.getName());

  private final Supplier<PlaceStore> stores;
  private final String server;

  /**
   * Keeps the settings.
   *
   * @param stores returns the store for one call; throws StoreMonitor.NotReady if there is none
   * @param server name of this server in responses (the pod's name)
   */
  RouteGuideService(Supplier<PlaceStore> stores, String server) {
    this.stores = stores;
    this.server = server;
  }

  /** Returns the status for an exception. */
  static Status status(RuntimeException error) {
    if (error instanceof Geo.InvalidInput) {
      return Status.INVALID_ARGUMENT.withDescription(error.getMessage());
    }
    if (error instanceof PlaceStore.UnknownPlace unknown) {
      return Status.NOT_FOUND.withDescription("there is no place named " + PythonFormat.quoted(unknown.name));
    }
    if (error instanceof PlaceStore.Unavailable || error instanceof StoreMonitor.NotReady) {
      return Status.UNAVAILABLE.withDescription(error.getMessage());
    }
    log.log(Level.SEVERE, "a call failed with a fault of the server", error);
    return Status.INTERNAL.withDescription("the server has a fault; see its log");
  }

  /** Runs the work of a call with a single request, and ends the call. */
  private static void answer(StreamObserver<?> responses, Runnable work) {
    try {
      work.run();
    } catch (RuntimeException error) {
      responses.onError(status(error).asRuntimeException());
      return;
    }
    responses.onCompleted();
  }

  /** Stream of requests in which the first error ends the call. */
  private abstract static class Requests<Q> implements StreamObserver<Q> {
    private final StreamObserver<?> responses;
    private boolean failed;

    Requests(StreamObserver<?> responses) {
      this.responses = responses;
    }

    /** Handles one request. */
    abstract void next(Q request);

    /** Sends what the call has to send at its end. */
    void end() {}

    @Override
    public void onNext(Q request) {
      guarded(() -> next(request));
    }

    @Override
    public void onError(Throwable cancelled) {
      failed = true; // the client gave up; there is nobody to respond to
    }

    @Override
    public void onCompleted() {
      guarded(this::end);
      if (!failed) {
        responses.onCompleted();
      }
    }

    private void guarded(Runnable work) {
      if (failed) {
        return;
      }
      try {
        work.run();
      } catch (RuntimeException error) {
        failed = true;
        responses.onError(status(error).asRuntimeException());
      }
    }
  }

  /** Returns the observer as one that ignores responses to a client that gave up. */
  private static <A> ServerCallStreamObserver<A> ignoringCancelled(StreamObserver<A> responses) {
    ServerCallStreamObserver<A> result = (ServerCallStreamObserver<A>) responses;
    result.setOnCancelHandler(() -> {}); // without one, gRPC throws from onNext
    return result;
  }

  /** Returns the place nearest to the position. */
  @Override
  public void findPlace(Position request, StreamObserver<FoundPlace> responses) {
    answer(
        responses,
        () -> {
          Geo.checkPosition(request.getLatitude(), request.getLongitude());
          PlaceStore store = stores.get();
          responses.onNext(found(store, store.nearest(request.getLatitude(), request.getLongitude())));
        });
  }

  /** Streams the places in the area, sorted by distance from its center. */
  @Override
  public void listPlaces(Area request, StreamObserver<FoundPlace> responses) {
    ServerCallStreamObserver<FoundPlace> call = ignoringCancelled(responses);
    answer(
        call,
        () -> {
          Position center = request.getCenter();
          Geo.checkPosition(center.getLatitude(), center.getLongitude());
          Geo.checkRadius(request.getRadiusKm());
          PlaceStore store = stores.get();
          for (PlaceStore.Near near : store.near(center.getLatitude(), center.getLongitude(), request.getRadiusKm(), 0)) {
            if (call.isCancelled()) {
              return;
            }
            call.onNext(found(store, near));
          }
        });
  }

  /** Returns the length of the route and the places that it passes. */
  @Override
  public StreamObserver<Position> measureRoute(StreamObserver<RouteSummary> responses) {
    return new Requests<>(ignoringCancelled(responses)) {
      private final Set<String> passed = new LinkedHashSet<>();
      private PlaceStore store;
      private Position last;
      private int positions;
      private double lengthKm;

      /** Returns the store that the whole call uses. */
      private PlaceStore store() {
        if (store == null) {
          store = stores.get();
        }
        return store;
      }

      @Override
      void next(Position here) {
        PlaceStore current = store();
        Geo.checkPosition(here.getLatitude(), here.getLongitude());
        positions++;
        if (last != null) {
          lengthKm += Geo.distanceKm(last.getLatitude(), last.getLongitude(), here.getLatitude(), here.getLongitude());
        }
        last = here;
        current.near(here.getLatitude(), here.getLongitude(), PASSED_WITHIN_KM, 0).forEach(near -> passed.add(near.name()));
      }

      @Override
      void end() {
        responses.onNext(
            RouteSummary.newBuilder()
                .setPositions(positions)
                .setLengthKm(Geo.roundedKm(lengthKm))
                .addAllPassed(passed)
                .setOrigin(origin(store(), PlaceStore.INDEX))
                .build());
      }
    };
  }

  /** Stores each note and streams the earlier notes at the same place. */
  @Override
  public StreamObserver<Note> exchangeNotes(StreamObserver<KeptNote> responses) {
    ServerCallStreamObserver<KeptNote> call = ignoringCancelled(responses);
    return new Requests<>(call) {
      @Override
      void next(Note note) {
        Geo.checkText("author", note.getAuthor(), 64);
        Geo.checkText("text", note.getText(), 256);
        PlaceStore store = stores.get();
        for (PlaceStore.StoredNote kept : store.leaveNote(note.getPlace(), note.getAuthor(), note.getText())) {
          call.onNext(
              KeptNote.newBuilder()
                  .setNote(Note.newBuilder().setPlace(note.getPlace()).setAuthor(kept.author()).setText(kept.text()))
                  .setAgeS(kept.ageSeconds())
                  .setOrigin(origin(store, PlaceStore.notesKey(note.getPlace())))
                  .build());
        }
      }
    };
  }

  private Origin origin(PlaceStore store, String key) {
    return Origin.newBuilder().setServer(server).setStore(store.origin(key)).build();
  }

  private FoundPlace found(PlaceStore store, PlaceStore.Near near) {
    return FoundPlace.newBuilder()
        .setPlace(message(store.get(near.name())))
        .setDistanceKm(near.distanceKm())
        .setOrigin(origin(store, PlaceStore.placeKey(near.name())))
        .build();
  }

  /** Converts a place to its protobuf message. */
  static com.examples.routeguide.v1.Place message(Place place) {
    return com.examples.routeguide.v1.Place.newBuilder()
        .setName(place.name())
        .setPosition(Position.newBuilder().setLatitude(place.latitude()).setLongitude(place.longitude()))
        .addAllCountries(place.countries())
        .setRemark(place.remark())
        .build();
  }
}
