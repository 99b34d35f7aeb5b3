package com.examples.common;

import com.google.gson.JsonObject;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import java.util.Map;
import java.util.logging.Formatter;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.logging.StreamHandler;
import java.util.stream.Collectors;

/** Log formats: one line per record, on stderr, with the time in UTC; the same as those of the sample's Python services. */
public final class Logs {
  /** How a record becomes a line. */
  public enum Format {
    /** {@code 2026-01-31T12:00:00.123Z INFO text}, for people; newlines become a bar. */
    TEXT,
    /** An object with time, level, message and, if there is one, exception, for programs. */
    JSON;

    /**
     * Parses the name of a format.
     *
     * @param text text or json
     * @throws IllegalArgumentException if the text is another one
     */
    public static Format parse(String text) {
      for (Format format : values()) {
        if (text.equals(format.name().toLowerCase(Locale.ROOT))) {
          return format;
        }
      }
      throw new IllegalArgumentException(PythonFormat.quoted(text) + " is not a log format; use text or json");
    }
  }

  private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HH:mm:ss.SSS'Z'").withZone(ZoneOffset.UTC);

  /** Level to its name in the log, where that is not Java's. */
  private static final Map<Level, String> LEVELS = Map.of(Level.SEVERE, "ERROR", Level.FINE, "DEBUG", Level.CONFIG, "DEBUG");

  private Logs() {}

  /** Writes all records of level INFO and higher to stderr, and no others. */
  public static void configure(Format format) {
    // Not System.err, which a test may have replaced for a while, and which decodes and encodes once more.
    configure(new FileOutputStream(FileDescriptor.err), format);
  }

  /**
   * Writes all records of level INFO and higher to a stream.
   *
   * @param stream where to write
   * @param format how a record becomes a line
   * @return what writes; close it to stop
   */
  static Handler configure(OutputStream stream, Format format) {
    Logger root = Logger.getLogger("");
    for (Handler handler : root.getHandlers()) {
      root.removeHandler(handler);
    }
    Handler handler = new FlushingHandler(stream, format == Format.JSON ? new JsonFormatter() : new OneLineFormatter());
    root.setLevel(Level.INFO);
    root.addHandler(handler);
    return handler;
  }

  /** Handler that writes each record at once. */
  private static final class FlushingHandler extends StreamHandler {
    FlushingHandler(OutputStream stream, Formatter formatter) {
      super(stream, formatter);
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

  private static String time(LogRecord record) {
    return TIME.format(Instant.ofEpochMilli(record.getMillis()));
  }

  private static String level(LogRecord record) {
    return LEVELS.getOrDefault(record.getLevel(), record.getLevel().getName());
  }

  private static String trace(Throwable thrown) {
    StringWriter text = new StringWriter();
    thrown.printStackTrace(new PrintWriter(text, true));
    return text.toString();
  }

  /** Formats a record as text. */
  private static final class OneLineFormatter extends Formatter {
    @Override
    public String format(LogRecord record) {
      String thrown = record.getThrown() == null ? "" : "\n" + trace(record.getThrown());
      String line = (formatMessage(record) + thrown).lines().collect(Collectors.joining(" | "));
      return time(record) + " " + level(record) + " " + line + "\n";
    }
  }

  /** Formats a record as JSON. */
  private static final class JsonFormatter extends Formatter {
    @Override
    public String format(LogRecord record) {
      JsonObject line = new JsonObject();
      line.addProperty("time", time(record));
      line.addProperty("level", level(record));
      line.addProperty("message", formatMessage(record));
      if (record.getThrown() != null) {
        line.addProperty("exception", trace(record.getThrown()));
      }
      return line + "\n";
    }
  }
}
