package com.examples.grpcredis.client;

import com.examples.common.PythonFormat;
import com.examples.routeguide.v1.Area;
import com.examples.routeguide.v1.FoundPlace;
import com.examples.routeguide.v1.KeptNote;
import com.examples.routeguide.v1.Note;
import com.examples.routeguide.v1.Origin;
import com.examples.routeguide.v1.Position;
import com.examples.routeguide.v1.RouteGuideGrpc.RouteGuideStub;
import com.examples.routeguide.v1.RouteSummary;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Rounds of calls to RouteGuide's four methods, each response described in one line. */
final class Tour {
  /** Positions of the rounds: cities on all continents. */
  static final List<Position> STOPS =
      List.of(
          position(47.37, 8.54),
          position(51.51, -0.13),
          position(40.71, -74.01),
          position(-33.87, 151.21),
          position(35.68, 139.69),
          position(-1.29, 36.82),
          position(-23.55, -46.63),
          position(28.61, 77.21));

  private static final double AREA_KM = 500;
  private static final int LEGS = 3;
  private static final String NOTE_AT = "Europe/London";

  private final Supplier<RouteGuideStub> stubs;
  private final String author;

  /** One RPC of a round. */
  interface Call {
    /** Returns the name of the RPC method. */
    String method();

    /**
     * Makes the call.
     *
     * @param deadline the longest time for the whole call
     * @return a description of the response
     * @throws io.grpc.StatusRuntimeException if the call fails
     */
    String run(Duration deadline);
  }

  /**
   * Keeps the settings.
   *
   * @param stubs returns the stub for each call
   * @param author author of the client's notes (the pod's name), 1 to 64 characters
   */
  Tour(Supplier<RouteGuideStub> stubs, String author) {
    this.stubs = stubs;
    this.author = author;
  }

  /**
   * Returns the calls of a round, at the next of STOPS.
   *
   * @param number number of the round, from 0
   */
  List<Call> round(int number) {
    Position here = stop(number);
    List<Position> route = IntStream.range(0, LEGS).mapToObj(leg -> stop(number + leg)).toList();
    Area area = Area.newBuilder().setCenter(here).setRadiusKm(AREA_KM).build();
    Note note = Note.newBuilder().setPlace(NOTE_AT).setAuthor(author).setText("round " + number).build();
    return List.of(
        this.<FoundPlace>call("FindPlace", (stub, responses) -> stub.findPlace(here, responses), answers -> found(only(answers))),
        this.<FoundPlace>call("ListPlaces", (stub, responses) -> stub.listPlaces(area, responses), answers -> listed(answers, AREA_KM)),
        this.<RouteSummary>call(
            "MeasureRoute", (stub, responses) -> send(route, stub.measureRoute(responses)), answers -> measured(only(answers))),
        // Two notes: the response to the second includes the first, so the stream is never empty.
        this.<KeptNote>call(
            "ExchangeNotes",
            (stub, responses) -> send(List.of(note, note), stub.exchangeNotes(responses)),
            answers -> exchanged(answers, NOTE_AT)));
  }

  private static Position stop(int number) {
    return STOPS.get(number % STOPS.size());
  }

  /** Starts a call on a stub. */
  private interface Start<A> {
    void on(RouteGuideStub stub, StreamObserver<A> responses);
  }

  private <A> Call call(String method, Start<A> start, Function<List<A>, String> describe) {
    return new Call() {
      @Override
      public String method() {
        return method;
      }

      @Override
      public String run(Duration deadline) {
        RouteGuideStub stub = stubs.get().withWaitForReady().withDeadlineAfter(deadline.toMillis(), TimeUnit.MILLISECONDS);
        CollectedResponses<A> responses = new CollectedResponses<>();
        start.on(stub, responses);
        return describe.apply(responses.get());
      }
    };
  }

  private static <A> A only(List<A> answers) {
    if (answers.isEmpty()) {
      throw Status.INTERNAL.withDescription("the server sent no response").asRuntimeException();
    }
    return answers.get(0);
  }

  private static <Q> void send(List<Q> messages, StreamObserver<Q> requests) {
    messages.forEach(requests::onNext);
    requests.onCompleted();
  }

  private static Position position(double latitude, double longitude) {
    return Position.newBuilder().setLatitude(latitude).setLongitude(longitude).build();
  }

  /** Describes the origin of a response, such as "from redis 10.42.0.5:6379 by server-x". */
  static String origin(Origin origin) {
    String store = origin.getStore().isEmpty() ? "an unknown store" : origin.getStore();
    String server = origin.getServer().isEmpty() ? "an unknown server" : origin.getServer();
    return "from " + store + " by " + server;
  }

  /** Describes the response of FindPlace. */
  static String found(FoundPlace answer) {
    Position at = answer.getPlace().getPosition();
    return "answered %s: %s (%s) at %s %s, %s km away"
        .formatted(
            origin(answer.getOrigin()),
            answer.getPlace().getName(),
            String.join(" ", answer.getPlace().getCountriesList()),
            PythonFormat.fixed(at.getLatitude(), 2),
            PythonFormat.fixed(at.getLongitude(), 2),
            PythonFormat.fixed(answer.getDistanceKm(), 0));
  }

  /** Describes the responses of ListPlaces. */
  static String listed(List<FoundPlace> answers, double radiusKm) {
    String radius = PythonFormat.fixed(radiusKm, 0);
    if (answers.isEmpty()) {
      return "answered: no place within " + radius + " km";
    }
    String names = answers.stream().map(answer -> answer.getPlace().getName()).collect(Collectors.joining(", "));
    return "answered %s: %d within %s km: %s".formatted(origin(answers.get(0).getOrigin()), answers.size(), radius, names);
  }

  /** Describes the response of MeasureRoute. */
  static String measured(RouteSummary answer) {
    String passed = answer.getPassedCount() == 0 ? "no place" : String.join(", ", answer.getPassedList());
    String length = PythonFormat.fixed(answer.getLengthKm(), 0);
    return "answered %s: %s km over %d positions, past %s".formatted(origin(answer.getOrigin()), length, answer.getPositions(), passed);
  }

  /** Describes the responses of ExchangeNotes. */
  static String exchanged(List<KeptNote> answers, String place) {
    if (answers.isEmpty()) {
      return "answered: no earlier notes at " + place;
    }
    KeptNote last = answers.get(answers.size() - 1);
    return "answered %s: %d notes left at %s, the last by %s %d s ago: %s"
        .formatted(
            origin(last.getOrigin()),
            answers.size(),
            place,
            last.getNote().getAuthor(),
            last.getAgeS(),
            PythonFormat.quoted(last.getNote().getText()));
  }
}
