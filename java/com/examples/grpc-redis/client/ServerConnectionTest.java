package com.examples.grpcredis.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.examples.common.Metrics;
import com.examples.routeguide.v1.FoundPlace;
import com.examples.routeguide.v1.Position;
import com.examples.routeguide.v1.RouteGuideGrpc.RouteGuideStub;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Tests of the client's channel with real servers. */
class ServerConnectionTest {
  private RunningServer server;
  private ServerConnection connection;

  @BeforeEach
  void start() throws Exception {
    server = new RunningServer("first", 0);
    connection = new ServerConnection("127.0.0.1", server.port(), new Metrics());
  }

  @AfterEach
  void stop() throws Exception {
    connection.close();
    server.kill();
  }

  private String whoAnswers(int seconds) {
    CollectedResponses<FoundPlace> responses = new CollectedResponses<>();
    RouteGuideStub stub = connection.stub().withWaitForReady().withDeadlineAfter(seconds, TimeUnit.SECONDS);
    stub.findPlace(Position.getDefaultInstance(), responses);
    return responses.get().get(0).getOrigin().getServer();
  }

  /** After a server restart, the same channel reaches the new server. */
  @Test
  void theChannelSurvivesARestartedServer() throws Exception {
    assertEquals("first", whoAnswers(15));

    int port = server.port();
    server.kill();
    server = new RunningServer("second", port);

    assertEquals("second", whoAnswers(15));
  }

  /** A server that reports NOT_SERVING gets no calls until it reports SERVING again. */
  @Test
  void theChannelAvoidsAServerThatDoesNotServe() throws Exception {
    assertEquals("first", whoAnswers(15));

    server.say(ServingStatus.NOT_SERVING);
    Thread.sleep(500);
    StatusRuntimeException waited = assertThrows(StatusRuntimeException.class, () -> whoAnswers(1));
    server.say(ServingStatus.SERVING);

    assertEquals(Status.Code.DEADLINE_EXCEEDED, waited.getStatus().getCode());
    assertEquals("first", whoAnswers(15));
  }

  /** After replaceChannel, calls use the new channel. */
  @Test
  void aReplacedChannelWorks() {
    RouteGuideStub before = connection.stub();
    assertEquals("first", whoAnswers(15));

    connection.replaceChannel();

    assertNotSame(before, connection.stub());
    assertEquals("first", whoAnswers(15));
  }
}
