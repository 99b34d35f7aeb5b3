package com.examples.grpcredis.server;

import com.examples.common.HealthEndpoint;
import com.examples.common.Hosts;
import com.examples.common.Logs;
import com.examples.common.Metrics;
import com.examples.common.Settings;
import com.examples.common.StopSignal;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.logging.Logger;

/**
 * RouteGuide's server: serves places from a Redis Cluster over gRPC.
 *
 * <p>It listens at once. It reports NOT_SERVING through the gRPC health protocol
 * (https://github.com/grpc/grpc/blob/master/doc/health-checking.md) unless Redis responds and has all places.
 */
public final class Main {
  private static final Logger log = Logger.getLogger(Main.class.getName());
  private static final Duration PROBE_EVERY = Duration.ofSeconds(1);
  private static final Duration DRAIN = Duration.ofSeconds(2);
  private static final Duration GRACE = Duration.ofSeconds(5);

  private Main() {}

  /** Serves until SIGTERM or SIGINT, and exits with 0, or with 1 if it can't start, or with 2 for wrong usage. */
  public static void main(String[] arguments) {
    System.exit(run(arguments, System.getenv()));
  }

  /**
   * Serves until SIGTERM or SIGINT.
   *
   * @param arguments the command line
   * @param environment environment variables
   * @return the exit code
   */
  static int run(String[] arguments, Map<String, String> environment) {
    Settings settings = new Settings("server", "RouteGuide's server: serves places from a Redis Cluster over gRPC.", environment);
    var port = settings.add("--port", "PORT", "port to listen on", Settings::port);
    var redisHost = settings.add("--redis-host", "REDIS_HOST", "host of the Redis Cluster's Service", text -> text);
    var redisPort = settings.add("--redis-port", "REDIS_PORT", "port of the Redis Cluster's Service", Settings::port);
    var passwordFile =
        settings.add(
            "--redis-password-file", "REDIS_PASSWORD_FILE", "file with the password of the Redis user it is named after", Path::of);
    var metricsPort = settings.add("--metrics-port", "METRICS_PORT", "port of the metrics over HTTP", Settings::port, "9090");
    var logFormat = settings.add("--log-format", "LOG_FORMAT", "format of the log: text or json", Logs.Format::parse, "text");
    try {
      settings.parse(arguments);
    } catch (Settings.Usage usage) {
      return usage.report();
    }
    Logs.configure(logFormat.value());
    Hosts.forgetAddressesSoon();
    StopSignal stopping = StopSignal.install();
    Metrics metrics = new Metrics();
    InetSocketAddress address = new InetSocketAddress(port.value());
    try (HealthEndpoint endpoint = HealthEndpoint.listen(metricsPort.value(), Map.of("/metrics", metrics::page))) {
      RedisLogin login = new RedisLogin(passwordFile.value());
      GuideServer server =
          new GuideServer(redisHost.value(), redisPort.value(), login, address, Hosts.name(), PROBE_EVERY, metrics);
      endpoint.start();
      server.start();
      log.info("listening on port %d, Redis at %s:%d".formatted(server.port(), redisHost.value(), redisPort.value()));
      stopping.await();
      log.info("stopping");
      server.stop(DRAIN, GRACE);
      return 0;
    } catch (IOException | PlaceTable.TableError error) {
      System.err.println("ERROR: server: " + error.getMessage());
      return 1;
    }
  }
}
