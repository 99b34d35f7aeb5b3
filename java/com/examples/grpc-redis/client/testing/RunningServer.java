package com.examples.grpcredis.client;

import com.examples.routeguide.v1.FoundPlace;
import com.examples.routeguide.v1.Origin;
import com.examples.routeguide.v1.Position;
import com.examples.routeguide.v1.RouteGuideGrpc;
import io.grpc.Server;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.protobuf.services.HealthStatusManager;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.concurrent.TimeUnit;

/** A server on this machine that responds to FindPlace with its own name. */
final class RunningServer {
  private final HealthStatusManager health = new HealthStatusManager();
  private final Server server;

  /** Starts a server that reports SERVING. */
  RunningServer(String name, int port) throws IOException {
    health.setStatus(RouteGuideGrpc.SERVICE_NAME, ServingStatus.SERVING);
    server =
        NettyServerBuilder.forAddress(new InetSocketAddress(InetAddress.getLoopbackAddress(), port))
            .addService(health.getHealthService())
            .addService(
                new RouteGuideGrpc.RouteGuideImplBase() {
                  @Override
                  public void findPlace(Position request, StreamObserver<FoundPlace> responses) {
                    responses.onNext(FoundPlace.newBuilder().setOrigin(Origin.newBuilder().setServer(name)).build());
                    responses.onCompleted();
                  }
                })
            .build()
            .start();
  }

  /** Returns the port that it listens on. */
  int port() {
    return server.getPort();
  }

  /** Reports a health status. */
  void say(ServingStatus status) {
    health.setStatus(RouteGuideGrpc.SERVICE_NAME, status);
  }

  /** Stops the server at once. */
  void kill() throws InterruptedException {
    server.shutdownNow().awaitTermination(5, TimeUnit.SECONDS);
  }
}
