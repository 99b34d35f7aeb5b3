package com.examples.common;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

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
    Logs.configure(stream);
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
}
