package com.examples.grpcredis.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.examples.routeguide.v1.Area;
import com.examples.routeguide.v1.FoundPlace;
import com.examples.routeguide.v1.KeptNote;
import com.examples.routeguide.v1.Note;
import com.examples.routeguide.v1.Origin;
import com.examples.routeguide.v1.Place;
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
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Tests of the calls of a round and of the descriptions of responses. */
class TourTest {
  private static final Origin ORIGIN = Origin.newBuilder().setServer("server-1").setStore("redis 10.0.0.1:6379").build();
  private static final Place ZURICH =
      Place.newBuilder()
          .setName("Europe/Zurich")
          .setPosition(Position.newBuilder().setLatitude(47.3833).setLongitude(8.5333))
          .addAllCountries(List.of("CH", "DE"))
          .build();
  private static final Duration DEADLINE = Duration.ofSeconds(10);

  private final List<Position> asked = new ArrayList<>();
  private final List<Note> left = new ArrayList<>();
  private Server server;
  private ManagedChannel channel;
  private Tour tour;

  /** Service with a fixed response for each method; it keeps the requests. */
  private final class FixedGuide extends RouteGuideGrpc.RouteGuideImplBase {
    @Override
    public void findPlace(Position request, StreamObserver<FoundPlace> responses) {
      asked.add(request);
      responses.onNext(FoundPlace.newBuilder().setPlace(ZURICH).setDistanceKm(2.4).setOrigin(ORIGIN).build());
      responses.onCompleted();
    }

    @Override
    public void listPlaces(Area request, StreamObserver<FoundPlace> responses) {
      responses.onNext(FoundPlace.newBuilder().setPlace(ZURICH).setOrigin(ORIGIN).build());
      responses.onCompleted();
    }

    @Override
    public StreamObserver<Position> measureRoute(StreamObserver<RouteSummary> responses) {
      return collect(
          responses,
          positions ->
              RouteSummary.newBuilder().setPositions(positions.size()).setLengthKm(1000).addPassed("Europe/Zurich").setOrigin(ORIGIN).build());
    }

    @Override
    public StreamObserver<Note> exchangeNotes(StreamObserver<KeptNote> responses) {
      return collect(
          responses,
          notes -> {
            left.addAll(notes);
            return KeptNote.newBuilder().setNote(notes.get(0)).setAgeS(7).setOrigin(ORIGIN).build();
          });
    }

    private <Q, A> StreamObserver<Q> collect(StreamObserver<A> responses, java.util.function.Function<List<Q>, A> answer) {
      List<Q> requests = new ArrayList<>();
      return new StreamObserver<>() {
        @Override
        public void onNext(Q request) {
          requests.add(request);
        }

        @Override
        public void onError(Throwable error) {}

        @Override
        public void onCompleted() {
          responses.onNext(answer.apply(requests));
          responses.onCompleted();
        }
      };
    }
  }

  @BeforeEach
  void start() throws IOException {
    server = InProcessServerBuilder.forName("tour").addService(new FixedGuide()).build().start();
    channel = InProcessChannelBuilder.forName("tour").build();
    tour = new Tour(() -> RouteGuideGrpc.newStub(channel), "me");
  }

  @AfterEach
  void stop() throws InterruptedException {
    channel.shutdownNow();
    server.shutdownNow().awaitTermination(5, TimeUnit.SECONDS);
  }

  /** A round calls each method once, and each description names Redis, server and place. */
  @Test
  void aRoundCallsAllFourMethods() {
    Map<String, String> descriptions = new LinkedHashMap<>();
    tour.round(0).forEach(call -> descriptions.put(call.method(), call.run(DEADLINE)));

    String start = "answered from redis 10.0.0.1:6379 by server-1: ";
    assertEquals(
        Map.of(
            "FindPlace", start + "Europe/Zurich (CH DE) at 47.38 8.53, 2 km away",
            "ListPlaces", start + "1 within 500 km: Europe/Zurich",
            "MeasureRoute", start + "1000 km over 3 positions, past Europe/Zurich",
            "ExchangeNotes", start + "1 notes left at Europe/London, the last by me 7 s ago: 'round 0'"),
        descriptions);
    assertEquals(List.of("FindPlace", "ListPlaces", "MeasureRoute", "ExchangeNotes"), List.copyOf(descriptions.keySet()));
    assertEquals(2, left.size());
  }

  /** Rounds use the positions of STOPS in order and start again after the last one. */
  @Test
  void roundsTravel() {
    for (int number = 0; number <= Tour.STOPS.size(); number++) {
      tour.round(number).get(0).run(DEADLINE);
    }

    assertEquals(Tour.STOPS, asked.subList(0, Tour.STOPS.size()));
    assertEquals(Tour.STOPS.get(0), asked.get(Tour.STOPS.size()));
  }

  /** A stream without messages has a description, and so has an origin that is not known. */
  @Test
  void emptyResponsesAreDescribed() {
    assertEquals("answered: no place within 10 km", Tour.listed(List.of(), 10));
    assertEquals("answered: no earlier notes at Europe/Rome", Tour.exchanged(List.of(), "Europe/Rome"));
    assertEquals(
        "answered from an unknown store by an unknown server: 0 km over 0 positions, past no place",
        Tour.measured(RouteSummary.getDefaultInstance()));
  }

  /** A failed call throws its status. */
  @Test
  void aFailedCallThrowsItsStatus() {
    channel.shutdownNow();

    StatusRuntimeException error = assertThrows(StatusRuntimeException.class, () -> tour.round(0).get(3).run(DEADLINE));
    assertEquals(Status.Code.UNAVAILABLE, error.getStatus().getCode());
  }
}
