package com.examples.grpcredis.client;

import com.examples.common.Metrics;
import com.examples.routeguide.v1.RouteGuideGrpc;
import com.examples.routeguide.v1.RouteGuideGrpc.RouteGuideStub;
import io.grpc.ClientInterceptor;
import io.grpc.ManagedChannel;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.shaded.io.netty.channel.ChannelOption;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * Connection to the service, with a channel that recovers from the loss of pods and nodes within seconds, and that can be
 * replaced.
 *
 * <p>gRPC backs off between two attempts to connect or to resolve a name, up to two minutes, and Java's has no option for it.
 * After an outage of the whole service a client would wait that long. A new channel tries at once.
 */
final class ServerConnection implements AutoCloseable {
  private static final int CONNECT_TIMEOUT_MS = 2000;

  /** How gRPC balances load, checks health and retries (https://github.com/grpc/grpc/blob/master/doc/service_config.md). */
  private static final Map<String, Object> SERVICE_CONFIG =
      Map.of(
          // The server's Service is headless: DNS returns the address of every ready pod, and the channel keeps a connection to
          // each. If a pod or its node is lost, calls use the other pods at once, without waiting until kube-proxy knows about it.
          "loadBalancingConfig",
          List.of(Map.of("round_robin", Map.of())),
          // Skips a pod while it reports NOT_SERVING.
          "healthCheckConfig",
          Map.of("serviceName", RouteGuideGrpc.SERVICE_NAME),
          // A pod that stops between two health checks costs a call its first attempt; the second uses another pod.
          "methodConfig",
          List.of(
              Map.of(
                  "name",
                  List.of(Map.of("service", RouteGuideGrpc.SERVICE_NAME)),
                  "retryPolicy",
                  Map.of(
                      "maxAttempts", 3.0,
                      "initialBackoff", "0.1s",
                      "maxBackoff", "1s",
                      "backoffMultiplier", 2.0,
                      "retryableStatusCodes", List.of("UNAVAILABLE")))));

  private final String target;
  private final ClientInterceptor counting;
  private volatile ManagedChannel channel;
  private volatile RouteGuideStub stub;

  /**
   * Opens a channel to all servers behind a name, which connects lazily.
   *
   * @param host host of the server's Service
   * @param port port of the server's Service
   * @param metrics counts the calls
   */
  ServerConnection(String host, int port, Metrics metrics) {
    this.target = "dns:///" + host + ":" + port;
    this.counting = metrics.client();
    open();
  }

  private void open() {
    channel =
        NettyChannelBuilder.forTarget(target)
            .usePlaintext()
            .defaultServiceConfig(SERVICE_CONFIG)
            .disableServiceConfigLookUp()
            .enableRetry()
            .intercept(counting)
            .withOption(ChannelOption.CONNECT_TIMEOUT_MILLIS, CONNECT_TIMEOUT_MS)
            // A lost node does not close its connections; only unanswered pings reveal it.
            .keepAliveTime(10, TimeUnit.SECONDS)
            .keepAliveTimeout(3, TimeUnit.SECONDS)
            .keepAliveWithoutCalls(true)
            .proxyDetector(address -> null) // the server is in the same cluster, never behind a proxy
            .build();
    stub = RouteGuideGrpc.newStub(channel);
  }

  /** Returns a stub of the service that uses the current channel. */
  RouteGuideStub stub() {
    return stub;
  }

  /** Replaces the channel. gRPC cancels the calls that still run on the old one. */
  void replaceChannel() {
    channel.shutdownNow();
    open();
  }

  /** Closes the channel. */
  @Override
  public void close() {
    channel.shutdownNow();
  }
}
