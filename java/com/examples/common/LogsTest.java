package com.examples.common;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Tests of the log format. */
class LogsTest {
  private static final Logger log = Logger.getLogger("x");

  private final ByteArrayOutputStream stream = new ByteArrayOutputStream();
  private Handler[] before;

  @BeforeEach
  void configure() {
    before = Logger.getLogger("").getHandlers();
    Logs.configure(stream, Logs.Format.TEXT);
  }

  /** Restores the root logger's handlers. */
  @AfterEach
  void restore() {
    Logger root = Logger.getLogger("");
    Arrays.stream(root.getHandlers()).forEach(root::removeHandler);
    Arrays.stream(before).forEach(root::addHandler);
  }

  private String written() {
    return stream.toString(StandardCharsets.UTF_8);
  }

  /** A record is one line with time in UTC, level and text. */
  @Test
  void aRecordIsOneLineWithUtcTime() {
    log.info("first\nsecond é");

    assertTrue(written().matches("\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z INFO first \\| second é\n"), written());
  }

  /** Records below the level are not logged. */
  @Test
  void debugIsNotLogged() {
    log.fine("hidden");

    assertEquals("", written());
  }

  /** An exception is in the line of its record, and the level has the name that it has in Python. */
  @Test
  void anExceptionIsPartOfTheLine() {
    log.log(Level.SEVERE, "a fault", new IllegalStateException("gone"));

    assertTrue(written().contains(" ERROR a fault | java.lang.IllegalStateException: gone | "), written());
    assertEquals(1, written().lines().count());
  }

  /** As JSON, a record is an object with the same time and level, and with the whole text. */
  @Test
  void aRecordAsJson() {
    Logs.configure(stream, Logs.Format.JSON);

    log.warning("first\n\"second\" <é>");
    log.log(Level.SEVERE, "a fault", new IllegalStateException("gone"));

    String[] lines = written().split("\n");
    JsonObject first = JsonParser.parseString(lines[0]).getAsJsonObject();
    assertTrue(first.remove("time").getAsString().matches("\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z"));
    assertEquals("{\"level\":\"WARNING\",\"message\":\"first\\n\\\"second\\\" <é>\"}", first.toString());
    JsonObject second = JsonParser.parseString(lines[1]).getAsJsonObject();
    assertEquals("ERROR a fault", second.get("level").getAsString() + " " + second.get("message").getAsString());
    assertTrue(second.get("exception").getAsString().startsWith("java.lang.IllegalStateException: gone\n"));
    assertEquals(2, lines.length);
  }

  /** A format is chosen by its name, and another name is an error that lists both. */
  @Test
  void formatsHaveNames() {
    assertEquals(Logs.Format.JSON, Logs.Format.parse("json"));
    assertEquals(Logs.Format.TEXT, Logs.Format.parse("text"));
    Exception error = assertThrows(IllegalArgumentException.class, () -> Logs.Format.parse("JSON"));
    assertEquals("'JSON' is not a log format; use text or json", error.getMessage());
  }
}
