package com.examples.grpcredis.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import sun.misc.Signal;

/** Tests of the client's command line and of its end. */
class MainTest {
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

  /** Wrong usage exits with code 2 and a message that says what is valid. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "'' | --server-host",
        "--server-host=x --server-port=0 --port=1 | '0' is not a port",
        "--server-host=x --server-port=1 --port=1 --every=0 | use a number of seconds between 0 and 3600",
        "--server-host=x --server-port=1 --port=1 --every=soon | \"'soon' is not valid\"",
      },
      quoteCharacter = '"')
  void usageIsChecked(String arguments, String why) {
    String printed = errors(2, Map.of(), arguments.equals("''") ? new String[0] : arguments.split(" "));

    assertTrue(printed.contains(why), printed);
  }

  /** A port that can't be bound exits with code 1 and one sentence. */
  @Test
  void aPortInUseIsOneSentence() throws IOException {
    try (ServerSocket used = new ServerSocket(0)) {
      String port = Integer.toString(used.getLocalPort());

      String printed = errors(1, Map.of("PORT", port, "SERVER_HOST", "127.0.0.1", "SERVER_PORT", "1"));

      assertEquals("ERROR: client: can't listen on port " + port + ": Address already in use\n", printed);
    }
  }

  /** SIGTERM ends the client with exit code 0, also while no server answers. */
  @Test
  void sigtermEndsTheClient() throws Exception {
    int port;
    try (ServerSocket free = new ServerSocket(0)) {
      port = free.getLocalPort();
    }
    Map<String, String> environment = Map.of("PORT", Integer.toString(port), "SERVER_HOST", "127.0.0.1", "SERVER_PORT", "1");
    CompletableFuture<Integer> exitCode = CompletableFuture.supplyAsync(() -> Main.run(new String[0], environment));
    Thread.sleep(1000); // the handler of the signal is installed by now

    Signal.raise(new Signal("TERM"));

    assertEquals(0, exitCode.get(20, TimeUnit.SECONDS));
  }
}
