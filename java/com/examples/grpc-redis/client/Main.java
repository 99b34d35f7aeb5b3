package com.examples.grpcredis.client;

import com.examples.common.HealthEndpoint;
import com.examples.common.Hosts;
import com.examples.common.Logs;
import com.examples.common.Metrics;
import com.examples.common.PythonFormat;
import com.examples.common.Settings;
import com.examples.common.StopSignal;
import com.examples.routeguide.v1.RouteGuideGrpc;
import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import java.util.logging.Logger;

/** RouteGuide's client: calls all four methods repeatedly and logs the responses. */
public final class Main {
  private static final Logger log = Logger.getLogger(Main.class.getName());
  private static final int AUTHOR_LIMIT = 64;

  private Main() {}

  /** Makes calls until SIGTERM or SIGINT, and exits with 0, or with 1 if it can't listen, or with 2 for wrong usage. */
  public static void main(String[] arguments) {
    System.exit(run(arguments, System.getenv()));
  }

  /**
   * Makes calls until SIGTERM or SIGINT.
   *
   * @param arguments the command line
   * @param environment environment variables
   * @return the exit code
   */
  static int run(String[] arguments, Map<String, String> environment) {
    Settings settings = new Settings("client", "RouteGuide's client: calls all four methods repeatedly and logs the responses.", environment);
    var serverHost = settings.add("--server-host", "SERVER_HOST", "host of the server's Service", text -> text);
    var serverPort = settings.add("--server-port", "SERVER_PORT", "port of the server's Service", Settings::port);
    var port = settings.add("--port", "PORT", "port of the health endpoint", Settings::port);
    var every = settings.add("--every", "EVERY_S", "seconds between rounds", Main::seconds, "2");
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
    try (ServerConnection connection = new ServerConnection(serverHost.value(), serverPort.value(), metrics)) {
      Caller caller = new Caller(stopping, connection::replaceChannel);
      Map<String, HealthEndpoint.Check> checks =
          Map.of("/ready", caller::ready, "/live", () -> HealthEndpoint.Result.of(true, "alive"), "/metrics", metrics::page);
      try (HealthEndpoint endpoint = HealthEndpoint.listen(port.value(), checks)) {
        endpoint.start();
        log.info("calling %s at %s:%d".formatted(RouteGuideGrpc.SERVICE_NAME, serverHost.value(), serverPort.value()));
        caller.run(new Tour(connection::stub, author(Hosts.name()))::round, every.value());
      }
    } catch (IOException error) {
      System.err.println("ERROR: client: " + error.getMessage());
      return 1;
    }
    log.info("stopped");
    return 0;
  }

  private static String author(String host) {
    return host.substring(0, Math.min(host.length(), AUTHOR_LIMIT));
  }

  private static Duration seconds(String text) {
    double value;
    try {
      value = Double.parseDouble(text);
    } catch (NumberFormatException notNumber) {
      value = 0;
    }
    if (!(0 < value && value < 3600)) {
      throw new IllegalArgumentException(PythonFormat.quoted(text) + " is not valid; use a number of seconds between 0 and 3600");
    }
    return Duration.ofNanos((long) (value * 1e9));
  }
}
