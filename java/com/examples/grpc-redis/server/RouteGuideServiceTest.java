package com.examples.grpcredis.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.examples.routeguide.v1.Area;
import com.examples.routeguide.v1.FoundPlace;
import com.examples.routeguide.v1.KeptNote;
import com.examples.routeguide.v1.Note;
import com.examples.routeguide.v1.Origin;
import com.examples.routeguide.v1.Position;
import com.examples.routeguide.v1.RouteGuideGrpc;
import com.examples.routeguide.v1.RouteSummary;
import io.grpc.ManagedChannel;
import io.grpc.Server;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.BiFunction;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Tests of the four methods over gRPC, with an in-memory store. */
class RouteGuideServiceTest {
  private static final Place ZURICH = new Place("Europe/Zurich", 47.3833, 8.5333, List.of("CH", "DE", "LI"), "");
  private static final Place ROME = new Place("Europe/Rome", 41.9, 12.4833, List.of("IT"), "a remark");
  private static final Place TOKYO = new Place("Asia/Tokyo", 35.6544, 139.7447, List.of("JP"), "");

  private final FakePlaceStore store = new FakePlaceStore(ZURICH, ROME, TOKYO);
  private Supplier<PlaceStore> stores = () -> store;
  private Server server;
  private ManagedChannel channel;

  @BeforeEach
  void start() throws IOException {
    RouteGuideService service = new RouteGuideService(() -> stores.get(), "server-1");
    server = InProcessServerBuilder.forName("guide").addService(service).build().start();
    channel = InProcessChannelBuilder.forName("guide").build();
  }

  @AfterEach
  void stop() throws InterruptedException {
    channel.shutdownNow();
    server.shutdownNow().awaitTermination(5, TimeUnit.SECONDS);
  }

  private RouteGuideGrpc.RouteGuideBlockingStub stub() {
    return RouteGuideGrpc.newBlockingStub(channel).withDeadlineAfter(10, TimeUnit.SECONDS);
  }

  private List<FoundPlace> list(Area area) {
    List<FoundPlace> found = new ArrayList<>();
    stub().listPlaces(area).forEachRemaining(found::add);
    return found;
  }

  /** Sends messages in a stream, and returns the responses. */
  private <Q, A> List<A> stream(
      BiFunction<RouteGuideGrpc.RouteGuideStub, StreamObserver<A>, StreamObserver<Q>> method, List<Q> messages) throws Exception {
    List<A> responses = new ArrayList<>();
    CompletableFuture<List<A>> end = new CompletableFuture<>();
    StreamObserver<Q> requests =
        method.apply(
            RouteGuideGrpc.newStub(channel).withDeadlineAfter(10, TimeUnit.SECONDS),
            new StreamObserver<A>() {
              @Override
              public void onNext(A response) {
                responses.add(response);
              }

              @Override
              public void onError(Throwable error) {
                end.completeExceptionally(error);
              }

              @Override
              public void onCompleted() {
                end.complete(responses);
              }
            });
    messages.forEach(requests::onNext);
    requests.onCompleted();
    try {
      return end.get();
    } catch (java.util.concurrent.ExecutionException failed) {
      throw (StatusRuntimeException) failed.getCause();
    }
  }

  private RouteSummary measure(Position... route) throws Exception {
    return this.<Position, RouteSummary>stream(RouteGuideGrpc.RouteGuideStub::measureRoute, List.of(route)).get(0);
  }

  private List<KeptNote> exchange(Note... notes) throws Exception {
    return stream(RouteGuideGrpc.RouteGuideStub::exchangeNotes, List.of(notes));
  }

  private static Position position(double latitude, double longitude) {
    return Position.newBuilder().setLatitude(latitude).setLongitude(longitude).build();
  }

  private static Area area(Position center, double radiusKm) {
    return Area.newBuilder().setCenter(center).setRadiusKm(radiusKm).build();
  }

  private static Note note(String place, String author, String text) {
    return Note.newBuilder().setPlace(place).setAuthor(author).setText(text).build();
  }

  /** FindPlace returns the nearest place with its distance and the origin of the response. */
  @Test
  void findPlaceReturnsTheNearest() {
    FoundPlace answer = stub().findPlace(position(47.0, 8.0));

    assertEquals(
        com.examples.routeguide.v1.Place.newBuilder()
            .setName("Europe/Zurich")
            .setPosition(position(47.3833, 8.5333))
            .addAllCountries(List.of("CH", "DE", "LI"))
            .build(),
        answer.getPlace());
    assertEquals(58.6, answer.getDistanceKm(), 0.5);
    assertEquals(Origin.newBuilder().setServer("server-1").setStore("redis fake:6379").build(), answer.getOrigin());
  }

  /** ListPlaces returns the places in the area, and no others, sorted by distance; an area without a place is no error. */
  @Test
  void listPlacesIsSortedAndLimited() {
    List<String> names = list(area(position(44, 11), 1000)).stream().map(found -> found.getPlace().getName()).toList();

    assertEquals(List.of("Europe/Rome", "Europe/Zurich"), names);
    assertEquals(List.of(), list(area(position(0, 0), 10)));
  }

  /** MeasureRoute returns the number of positions, the length, and each passed place once, in order. */
  @Test
  void measureRoute() throws Exception {
    Position zurich = position(ZURICH.latitude(), ZURICH.longitude());

    RouteSummary answer = measure(zurich, position(ROME.latitude(), ROME.longitude()), zurich);

    assertEquals(3, answer.getPositions());
    assertEquals(2 * 687, answer.getLengthKm(), 5);
    assertEquals(Geo.roundedKm(answer.getLengthKm()), answer.getLengthKm());
    assertEquals(List.of("Europe/Zurich", "Europe/Rome"), List.copyOf(answer.getPassedList()));
  }

  /** A route without positions has length 0. */
  @Test
  void measureRouteOfNothing() throws Exception {
    RouteSummary answer = measure();

    assertEquals(RouteSummary.newBuilder().setOrigin(answer.getOrigin()).build(), answer);
  }

  /** The second note's response includes the first note. */
  @Test
  void exchangeNotesReturnsEarlierNotes() throws Exception {
    List<KeptNote> answers = exchange(note("Asia/Tokyo", "me", "one"), note("Asia/Tokyo", "me", "two"));

    assertEquals(List.of(note("Asia/Tokyo", "me", "one")), answers.stream().map(KeptNote::getNote).toList());
  }

  /** A call that must fail. */
  private interface Failing {
    Object run() throws Exception;
  }

  private static void assertStatus(Status.Code code, String description, Failing call) {
    Status status = assertThrows(StatusRuntimeException.class, call::run).getStatus();

    assertEquals(code, status.getCode());
    assertTrue(status.getDescription().startsWith(description), status.getDescription());
  }

  /** A value out of range is INVALID_ARGUMENT, with the field and its range. */
  @Test
  void valuesOutOfRange() {
    String range = "; use degrees from -85.05 to 85.05";
    assertStatus(Status.Code.INVALID_ARGUMENT, "latitude is 91" + range, () -> stub().findPlace(position(91, 0)));
    assertStatus(Status.Code.INVALID_ARGUMENT, "radius_km is 0; use more than 0", () -> list(area(position(0, 0), 0)));
    assertStatus(
        Status.Code.INVALID_ARGUMENT, "longitude is 200; use degrees from -180 to 180", () -> list(area(position(0, 200), 1)));
    assertStatus(Status.Code.INVALID_ARGUMENT, "latitude is -91" + range, () -> measure(position(-91, 0), position(0, 0)));
    assertStatus(
        Status.Code.INVALID_ARGUMENT, "author has 0 characters; use 1 to 64", () -> exchange(note("Asia/Tokyo", "", "x")));
    assertStatus(
        Status.Code.INVALID_ARGUMENT, "text has 0 characters; use 1 to 256", () -> exchange(note("Asia/Tokyo", "x", "")));
  }

  /** A note at an unknown place is NOT_FOUND, with the name. */
  @Test
  void aNoteAtAnUnknownPlace() {
    assertStatus(Status.Code.NOT_FOUND, "there is no place named 'Nowhere'", () -> exchange(note("Nowhere", "me", "x")));
  }

  /** If Redis does not respond, the status is UNAVAILABLE, so that clients retry. */
  @Test
  void redisDownIsUnavailable() {
    store.down = true;

    assertStatus(Status.Code.UNAVAILABLE, "Connection refused.", () -> stub().findPlace(position(0, 0)));
  }

  /** Without a store, the status of each method is UNAVAILABLE, with the reason. */
  @Test
  void noStoreYetIsUnavailable() {
    stores =
        () -> {
          throw new StoreMonitor.NotReady("not connected to Redis yet");
        };

    String reason = "not connected to Redis yet";
    assertStatus(Status.Code.UNAVAILABLE, reason, () -> stub().findPlace(position(0, 0)));
    assertStatus(Status.Code.UNAVAILABLE, reason, () -> list(area(position(0, 0), 1)));
    assertStatus(Status.Code.UNAVAILABLE, reason, () -> measure());
    assertStatus(Status.Code.UNAVAILABLE, reason, () -> exchange(note("Asia/Tokyo", "me", "x")));
  }

  /** A fault of the server is INTERNAL, and its text stays in the log. */
  @Test
  void aFaultIsInternal() {
    stores =
        () -> {
          throw new IllegalStateException("secret");
        };

    assertStatus(Status.Code.INTERNAL, "the server has a fault; see its log", () -> stub().findPlace(position(0, 0)));
  }
}
