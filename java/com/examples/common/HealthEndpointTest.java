package com.examples.common;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ProxySelector;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Tests of the HTTP endpoint for probes. */
class HealthEndpointTest {
  private final HttpClient client = HttpClient.newBuilder().proxy(ProxySelector.of(null)).build();
  private HealthEndpoint endpoint;

  private static HealthEndpoint listen(int port, Map<String, HealthEndpoint.Check> checks) throws IOException {
    return new HealthEndpoint(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), checks);
  }

  /** Serves one check of each kind. */
  @BeforeEach
  void start() throws IOException {
    endpoint =
        listen(
            0,
            Map.of(
                "/yes", () -> HealthEndpoint.Result.of(true, "fine"),
                "/no", () -> HealthEndpoint.Result.of(false, "not yet"),
                "/page", () -> new HealthEndpoint.Result(true, "text/html", "<p>"),
                "/broken",
                    () -> {
                      throw new IOException("the disk is gone");
                    }));
    endpoint.start();
  }

  @AfterEach
  void stop() {
    endpoint.close();
  }

  private HttpResponse<String> response(String path) throws IOException, InterruptedException {
    HttpRequest request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + endpoint.port() + path)).build();
    return client.send(request, HttpResponse.BodyHandlers.ofString());
  }

  private String get(String path) throws IOException, InterruptedException {
    HttpResponse<String> response = response(path);
    return response.statusCode() + " " + response.body();
  }

  /** The response of a healthy check is 200 with its detail. */
  @Test
  void healthyIs200() throws Exception {
    assertEquals("200 fine\n", get("/yes"));
  }

  /** The response of an unhealthy check is 503 with its detail. */
  @Test
  void unhealthyIs503() throws Exception {
    assertEquals("503 not yet\n", get("/no"));
  }

  /** A page is sent as it is, with its type. */
  @Test
  void aPageKeepsItsType() throws Exception {
    assertEquals("200 <p>", get("/page"));
    assertEquals("text/html", response("/page").headers().firstValue("Content-Type").orElseThrow());
  }

  /** An exception becomes 503 with its text, and the endpoint continues. */
  @Test
  void aCheckThatThrowsIsUnhealthy() throws Exception {
    assertEquals("503 IOException: the disk is gone\n", get("/broken"));
    assertEquals("200 fine\n", get("/yes"));
  }

  /** The response for an unknown path is 404 with the known paths; a longer path is not a known one. */
  @Test
  void anUnknownPathListsTheKnownOnes() throws Exception {
    assertEquals("404 unknown path; use one of /broken /no /page /yes\n", get("/nope"));
    assertTrue(get("/yes/more").startsWith("404 "));
  }

  /** A second endpoint on the same port is an error that names the port. */
  @Test
  void aPortInUseIsAnError() throws Exception {
    try (HealthEndpoint first = HealthEndpoint.listen(0, Map.of())) {
      IOException error = assertThrows(IOException.class, () -> HealthEndpoint.listen(first.port(), Map.of()));
      assertEquals("can't listen on port " + first.port() + ": Address already in use", error.getMessage());
    }
  }
}
