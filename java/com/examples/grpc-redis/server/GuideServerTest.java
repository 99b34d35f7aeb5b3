package com.examples.grpcredis.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.examples.common.Metrics;
import com.examples.routeguide.v1.FoundPlace;
import com.examples.routeguide.v1.KeptNote;
import com.examples.routeguide.v1.Note;
import com.examples.routeguide.v1.Position;
import com.examples.routeguide.v1.RouteGuideGrpc;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.StreamObserver;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Tests of the whole server with a Redis Cluster of real processes. */
class GuideServerTest {
  private LocalRedisCluster cluster;
  private GuideServer server;
  private ManagedChannel channel;

  /** Starts a server that connects to a cluster that does not run yet. */
  @BeforeEach
  void start() throws Exception {
    cluster = new LocalRedisCluster();
    InetSocketAddress address = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    RedisLogin login = new RedisLogin(cluster.users.resolve("places"));
    server = new GuideServer(cluster.host, cluster.port, login, address, "s", Duration.ofMillis(200), new Metrics());
    server.start();
    channel = NettyChannelBuilder.forAddress("127.0.0.1", server.port()).usePlaintext().proxyDetector(target -> null).build();
  }

  @AfterEach
  void stop() throws IOException {
    channel.shutdownNow();
    server.stop(Duration.ZERO, Duration.ofSeconds(1));
    cluster.close();
  }

  private ServingStatus health(String service) {
    HealthCheckRequest request = HealthCheckRequest.newBuilder().setService(service).build();
    return HealthGrpc.newBlockingStub(channel).withDeadlineAfter(10, TimeUnit.SECONDS).check(request).getStatus();
  }

  /** Waits until the server reports the status, for the server as a whole and for RouteGuide. */
  private void await(ServingStatus status) throws InterruptedException {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (!Set.of(status).equals(new java.util.HashSet<>(List.of(health(""), health(GuideServer.SERVICE))))) {
      assertTrue(System.nanoTime() < deadline, "the status is not " + status + " after 60 s");
      Thread.sleep(100);
    }
  }

  private FoundPlace findZurich() {
    Position position = Position.newBuilder().setLatitude(47.37).setLongitude(8.54).build();
    return RouteGuideGrpc.newBlockingStub(channel).withDeadlineAfter(10, TimeUnit.SECONDS).findPlace(position);
  }

  /** The server reports NOT_SERVING without Redis, and SERVING when Redis has all places, also after an outage. */
  @Test
  void waitsFillsLosesAndRecovers() throws Exception {
    await(ServingStatus.NOT_SERVING);
    assertEquals(ServingStatus.SERVING, health(GuideServer.LIVE));
    assertEquals(Status.Code.UNAVAILABLE, assertThrows(StatusRuntimeException.class, this::findZurich).getStatus().getCode());

    cluster.start();
    await(ServingStatus.SERVING);

    FoundPlace answer = findZurich();
    assertEquals("Europe/Zurich by s", answer.getPlace().getName() + " by " + answer.getOrigin().getServer());
    assertTrue(cluster.masters().contains(answer.getOrigin().getStore().substring("redis ".length())));

    cluster.kill();
    await(ServingStatus.NOT_SERVING);
    assertEquals(ServingStatus.SERVING, health(GuideServer.LIVE));

    cluster.start();
    await(ServingStatus.SERVING);
    assertEquals("Europe/Zurich", findZurich().getPlace().getName());
  }

  /** After the loss of all pods and volumes, a new cluster forms and gets all places. */
  @Test
  void lostDataIsWrittenAgain() throws Exception {
    cluster.start();
    await(ServingStatus.SERVING);

    cluster.kill();
    await(ServingStatus.NOT_SERVING);
    cluster.wipe();
    cluster.start();
    await(ServingStatus.SERVING);

    assertEquals("Europe/Zurich", findZurich().getPlace().getName());
  }

  /** A stopping server reports NOT_SERVING first, and a running call ends with its response within the grace period. */
  @Test
  void aRunningCallFinishesDuringTheStop() throws Exception {
    cluster.start();
    await(ServingStatus.SERVING);
    CompletableFuture<Integer> answers = new CompletableFuture<>();
    StreamObserver<Note> requests =
        RouteGuideGrpc.newStub(channel)
            .exchangeNotes(
                new StreamObserver<KeptNote>() {
                  private int count;

                  @Override
                  public void onNext(KeptNote note) {
                    count++;
                  }

                  @Override
                  public void onError(Throwable error) {
                    answers.completeExceptionally(error);
                  }

                  @Override
                  public void onCompleted() {
                    answers.complete(count);
                  }
                });
    Note note = Note.newBuilder().setPlace("Europe/Rome").setAuthor("me").setText("x").build();
    requests.onNext(note);

    Thread stopping = new Thread(() -> server.stop(Duration.ofSeconds(1), Duration.ofSeconds(20)));
    stopping.start();
    await(ServingStatus.NOT_SERVING);
    assertEquals(ServingStatus.NOT_SERVING, health(GuideServer.LIVE));
    Thread.sleep(1500); // by now the server accepts no new calls
    assertThrows(StatusRuntimeException.class, this::findZurich);
    assertFalse(answers.isDone());
    requests.onNext(note);
    requests.onCompleted();

    assertEquals(1, answers.get(15, TimeUnit.SECONDS));
    stopping.join(15_000);
    assertFalse(stopping.isAlive());
  }

  private static String errors(int exitCode, Map<String, String> environment, String... arguments) {
    PrintStream before = System.err;
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    System.setErr(new PrintStream(printed, true, StandardCharsets.UTF_8));
    try {
      assertEquals(exitCode, Main.run(arguments, environment));
    } finally {
      System.setErr(before);
    }
    return printed.toString(StandardCharsets.UTF_8);
  }

  /** A missing and a wrong option exit with code 2 and a message. */
  @Test
  void usageIsChecked() {
    assertTrue(errors(2, Map.of("PORT", "1", "REDIS_HOST", "redis")).endsWith("required: --redis-port, --redis-password-file\n"));
    assertTrue(errors(2, Map.of("REDIS_HOST", "redis", "REDIS_PORT", "1"), "--port=x").contains("'x' is not a port"));
  }

  /** A port that can't be bound exits with code 1 and one sentence, whichever port it is. */
  @Test
  void aPortInUseIsOneSentence() throws IOException {
    String used = Integer.toString(server.port());
    String expected = "ERROR: server: can't listen on port " + used + ": ";

    String file = "/nonexistent/redis-users/places";
    String[] arguments = {
      "--port=" + used, "--redis-host=127.0.0.1", "--redis-port=1", "--redis-password-file=" + file, "--metrics-port=" + freePort()
    };
    String service = errors(1, Map.of(), arguments);
    String metrics = errors(1, Map.of("METRICS_PORT", used, "PORT", "1", "REDIS_HOST", "x", "REDIS_PORT", "1", "REDIS_PASSWORD_FILE", file));

    assertTrue(service.startsWith(expected) && service.lines().count() == 1, service);
    assertTrue(metrics.startsWith(expected) && metrics.lines().count() == 1, metrics);
  }

  private static int freePort() throws IOException {
    try (java.net.ServerSocket socket = new java.net.ServerSocket(0)) {
      return socket.getLocalPort();
    }
  }
}
