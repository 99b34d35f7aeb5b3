package com.examples.common;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * HTTP endpoint for Kubernetes probes and for metrics, with one check per path.
 *
 * <p>It responds 200 if the check is healthy, 503 if not, and 404 for an unknown path. A check that throws is unhealthy,
 * with the exception's text as detail.
 */
public final class HealthEndpoint implements AutoCloseable {
  static {
    // A client that sends nothing must not occupy a thread forever. In seconds; read once, by the first server.
    System.setProperty("sun.net.httpserver.maxReqTime", "5");
    System.setProperty("sun.net.httpserver.maxRspTime", "5");
  }

  private final HttpServer server;
  private final ExecutorService threads = Executors.newCachedThreadPool(HealthEndpoint::daemon);

  /**
   * What a check found.
   *
   * @param healthy whether to respond 200 or 503
   * @param contentType type of the detail
   * @param detail the body of the response
   */
  public record Result(boolean healthy, String contentType, String detail) {
    /** Returns a result with a line of text as detail. */
    public static Result of(boolean healthy, String detail) {
      return new Result(healthy, "text/plain", detail + "\n");
    }
  }

  /** One check. */
  @FunctionalInterface
  public interface Check {
    /** Returns what the check finds now; an exception means unhealthy. */
    Result run() throws Exception;
  }

  /**
   * Binds the address.
   *
   * @param address address to listen on; port 0 for a free one, see {@link #port}
   * @param checks path to check
   * @throws IOException if the address can't be bound
   */
  public HealthEndpoint(InetSocketAddress address, Map<String, Check> checks) throws IOException {
    Map<String, Check> sorted = new TreeMap<>(checks);
    server = HttpServer.create(address, 0);
    server.setExecutor(threads);
    server.createContext("/", exchange -> respond(exchange, sorted));
  }

  /**
   * Returns an endpoint that listens on all addresses of this host.
   *
   * @param port port to listen on
   * @param checks path to check
   * @throws IOException if the port can't be bound; the text names it
   */
  public static HealthEndpoint listen(int port, Map<String, Check> checks) throws IOException {
    try {
      return new HealthEndpoint(new InetSocketAddress(port), checks);
    } catch (IOException error) {
      throw new IOException("can't listen on port %d: %s".formatted(port, error.getMessage()), error);
    }
  }

  /** Returns the port that the endpoint listens on. */
  public int port() {
    return server.getAddress().getPort();
  }

  /** Starts to respond, in threads of its own. */
  public void start() {
    server.start();
  }

  /** Stops responding and frees the port. */
  @Override
  public void close() {
    server.stop(0);
    threads.shutdownNow();
  }

  private static Thread daemon(Runnable work) {
    Thread thread = new Thread(work, "health");
    thread.setDaemon(true);
    return thread;
  }

  private static void respond(HttpExchange exchange, Map<String, Check> checks) throws IOException {
    try (exchange) {
      Check check = checks.get(exchange.getRequestURI().toString());
      if (check == null) {
        send(exchange, 404, Result.of(false, "unknown path; use one of " + String.join(" ", checks.keySet())));
        return;
      }
      Result result;
      try {
        result = check.run();
      } catch (Exception error) { // a probe must get a response, whatever fails
        result = Result.of(false, error.getClass().getSimpleName() + ": " + error.getMessage());
      }
      send(exchange, result.healthy() ? 200 : 503, result);
    }
  }

  private static void send(HttpExchange exchange, int status, Result result) throws IOException {
    byte[] body = result.detail().getBytes(StandardCharsets.UTF_8);
    exchange.getResponseHeaders().set("Content-Type", result.contentType());
    boolean head = exchange.getRequestMethod().equals("HEAD");
    exchange.sendResponseHeaders(status, head ? -1 : body.length);
    if (!head) {
      try (OutputStream stream = exchange.getResponseBody()) {
        stream.write(body);
      }
    }
  }
}
