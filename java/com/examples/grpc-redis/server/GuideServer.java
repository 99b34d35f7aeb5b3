package com.examples.grpcredis.server;

import com.examples.common.Metrics;
import com.examples.routeguide.v1.RouteGuideGrpc;
import io.grpc.Server;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.protobuf.services.HealthStatusManager;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.logging.Logger;

/** gRPC server with its health service and its store monitor. */
final class GuideServer {
  /**
   * Health check that is SERVING while the process responds. The liveness probe uses it, so that an outage of Redis does not
   * restart servers.
   */
  static final String LIVE = "live";

  static final String SERVICE = RouteGuideGrpc.SERVICE_NAME;

  private static final Logger log = Logger.getLogger(GuideServer.class.getName());
  private static final int THREADS = 16;

  private final HealthStatusManager health = new HealthStatusManager();
  private final ExecutorService calls = Executors.newFixedThreadPool(THREADS);
  private final InetSocketAddress address;
  private final StoreMonitor monitor;
  private final Server server;

  /**
   * Prepares a server that does not listen yet.
   *
   * @param redisHost name or address of the Redis Cluster's Service
   * @param redisPort port of the Redis Cluster's Service
   * @param login user and password of Redis
   * @param address address to listen on; port 0 for a free one, see {@link #port}
   * @param name name of this server in responses
   * @param probeEvery time between two checks of Redis
   * @param metrics counts the server's calls
   * @throws PlaceTable.TableError if the table of places can't be read
   */
  GuideServer(
      String redisHost, int redisPort, RedisLogin login, InetSocketAddress address, String name, Duration probeEvery, Metrics metrics)
      throws PlaceTable.TableError {
    this.address = address;
    List<Place> places = PlaceTable.load();
    setStatus(false);
    health.setStatus(LIVE, ServingStatus.SERVING);
    monitor =
        new StoreMonitor(
            () -> RedisPlaceStore.connect(redisHost, redisPort, login, THREADS),
            places,
            this::setStatus,
            probeEvery,
            30,
            login::explain);
    server =
        NettyServerBuilder.forAddress(address)
            .executor(calls)
            // Allows pings that are frequent enough to detect a lost node within seconds.
            .permitKeepAliveTime(5, TimeUnit.SECONDS)
            .permitKeepAliveWithoutCalls(true)
            .intercept(metrics.server())
            .addService(new RouteGuideService(monitor::store, name))
            .addService(health.getHealthService())
            .build();
  }

  private void setStatus(boolean serving) {
    ServingStatus status = serving ? ServingStatus.SERVING : ServingStatus.NOT_SERVING;
    health.setStatus(HealthStatusManager.SERVICE_NAME_ALL_SERVICES, status);
    health.setStatus(SERVICE, status);
    log.info(status.name());
  }

  /**
   * Starts to listen and to connect to Redis.
   *
   * @throws IOException if the address can't be bound
   */
  void start() throws IOException {
    try {
      server.start();
    } catch (IOException error) {
      calls.shutdownNow();
      Throwable reason = error.getCause() == null ? error : error.getCause();
      throw new IOException("can't listen on port %d: %s".formatted(address.getPort(), reason.getMessage()), error);
    }
    monitor.start();
  }

  /** Returns the port that the server listens on. */
  int port() {
    return server.getPort();
  }

  /**
   * Stops gracefully.
   *
   * @param drain time to keep serving after reporting NOT_SERVING, so that clients notice
   * @param grace time that running calls have to finish after that
   */
  void stop(Duration drain, Duration grace) {
    health.enterTerminalState();
    try {
      Thread.sleep(drain.toMillis());
      server.shutdown();
      if (!server.awaitTermination(grace.toMillis(), TimeUnit.MILLISECONDS)) {
        server.shutdownNow().awaitTermination(1, TimeUnit.SECONDS);
      }
    } catch (InterruptedException interrupted) {
      server.shutdownNow();
      Thread.currentThread().interrupt();
    }
    monitor.stop();
    calls.shutdownNow();
  }
}
