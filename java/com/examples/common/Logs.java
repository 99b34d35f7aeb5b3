package com.examples.common;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Map;
import java.util.logging.Formatter;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.logging.StreamHandler;
import java.util.stream.Collectors;

/** Log format: one line per record, on stderr, with the time in UTC; the same as that of the sample's Python services. */
public final class Logs {
  private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HH:mm:ss.SSS'Z'").withZone(ZoneOffset.UTC);

  /** Level to its name in the log, where that is not Java's. */
  private static final Map<Level, String> LEVELS = Map.of(Level.SEVERE, "ERROR", Level.FINE, "DEBUG", Level.CONFIG, "DEBUG");

  private Logs() {}

  /** Writes all records of level INFO and higher to stderr, and no others. */
  public static void configure() {
    // Not System.err, which a test may have replaced for a while, and which decodes and encodes once more.
    configure(new FileOutputStream(FileDescriptor.err));
  }

  /**
   * Writes all records of level INFO and higher to a stream.
   *
   * @param stream where to write
   * @return what writes; close it to stop
   */
  static Handler configure(OutputStream stream) {
    Logger root = Logger.getLogger("");
    for (Handler handler : root.getHandlers()) {
      root.removeHandler(handler);
    }
    Handler handler = new FlushingHandler(stream);
    root.setLevel(Level.INFO);
    root.addHandler(handler);
    return handler;
  }

  /** Handler that writes each record at once. */
  private static final class FlushingHandler extends StreamHandler {
    FlushingHandler(OutputStream stream) {
      super(stream, new OneLineFormatter());
      try {
        setEncoding(StandardCharsets.UTF_8.name());
      } catch (java.io.UnsupportedEncodingException impossible) { // every JVM has UTF-8
        throw new IllegalStateException(impossible);
      }
    }

    @Override
    public synchronized void publish(LogRecord record) {
      super.publish(record);
      flush();
    }
  }

  /** Formats a record as {@code 2026-01-31T12:00:00.123Z INFO text}; newlines become a bar. */
  static final class OneLineFormatter extends Formatter {
    @Override
    public String format(LogRecord record) {
      StringWriter text = new StringWriter();
      text.append(formatMessage(record));
      if (record.getThrown() != null) {
        text.append('\n');
        record.getThrown().printStackTrace(new PrintWriter(text, true));
      }
      String line = text.toString().lines().collect(Collectors.joining(" | "));
      String level = LEVELS.getOrDefault(record.getLevel(), record.getLevel().getName());
      return TIME.format(Instant.ofEpochMilli(record.getMillis())) + " " + level + " " + line + "\n";
    }
  }
}
