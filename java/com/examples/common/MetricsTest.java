package com.examples.common;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.grpc.ManagedChannel;
import io.grpc.Server;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import io.grpc.protobuf.services.HealthStatusManager;
import java.io.IOException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;

/** Tests of the metrics of gRPC calls. */
class MetricsTest {
  private static String page(Metrics metrics) {
    try {
      return metrics.page().detail();
    } catch (IOException error) {
      throw new AssertionError(error);
    }
  }

  private static void assertHas(Metrics metrics, String line) throws InterruptedException {
    // A side records the end of a call after the other side has seen it.
    for (int i = 0; i < 500 && page(metrics).lines().noneMatch(line::equals); i++) {
      Thread.sleep(10);
    }
    assertTrue(page(metrics).lines().anyMatch(line::equals), page(metrics));
  }

  /** Calls are counted by method, and their durations by method and status, on both sides. */
  @Test
  void callsAreCounted() throws Exception {
    Metrics ofServer = new Metrics();
    Metrics ofClient = new Metrics();
    Server server =
        InProcessServerBuilder.forName("metrics")
            .intercept(ofServer.server())
            .addService(new HealthStatusManager().getHealthService())
            .build()
            .start();
    ManagedChannel channel = InProcessChannelBuilder.forName("metrics").intercept(ofClient.client()).build();
    HealthGrpc.HealthBlockingStub stub = HealthGrpc.newBlockingStub(channel);

    stub.check(HealthCheckRequest.getDefaultInstance());
    Assertions.assertThrows(Exception.class, () -> stub.check(HealthCheckRequest.newBuilder().setService("unknown").build()));

    String labels = "grpc_method=\"Check\",grpc_service=\"grpc.health.v1.Health\"";
    assertHas(ofServer, "grpc_server_started_total{" + labels + "} 2.0");
    assertHas(ofClient, "grpc_client_started_total{" + labels + "} 2.0");
    for (String code : new String[] {"OK", "NOT_FOUND"}) {
      String ended = "_handling_seconds_count{grpc_code=\"" + code + "\"," + labels + "} 1";
      assertHas(ofServer, "grpc_server" + ended);
      assertHas(ofClient, "grpc_client" + ended);
    }
    assertTrue(page(ofServer).contains("jvm_memory_used_bytes"), page(ofServer));
    channel.shutdownNow();
    server.shutdownNow().awaitTermination(5, TimeUnit.SECONDS);
  }
}
