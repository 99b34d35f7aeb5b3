package com.examples.grpcredis.server;

import com.examples.common.PythonFormat;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Reads the sample's places from the IANA time zone database.
 *
 * <p>The table zone1970.tab lists the world's time zones with the position of each zone's principal location. The build
 * takes it from the package that the Python server reads, so that both servers write the same places.
 */
final class PlaceTable {
  private static final String RESOURCE = "/third_party/tzdata/zone1970.tab";
  private static final Pattern ISO_6709 = Pattern.compile("([+-])(\\d{2})(\\d{2})(\\d{2})?([+-])(\\d{3})(\\d{2})(\\d{2})?");

  private PlaceTable() {}

  /** The table of places is malformed or missing; the text names the line. */
  static final class TableError extends Exception {
    private static final long serialVersionUID = 1;

    TableError(String message) {
      super(message);
    }
  }

  /**
   * A position in degrees.
   *
   * @param latitude degrees north
   * @param longitude degrees east
   */
  record Degrees(double latitude, double longitude) {}

  /**
   * Parses a position in ISO 6709 form.
   *
   * @param text ±DDMM±DDDMM or ±DDMMSS±DDDMMSS, such as "+4723+00832"
   * @throws TableError if the text has another form, or a value is out of range
   */
  static Degrees parsePosition(String text) throws TableError {
    Matcher match = ISO_6709.matcher(text);
    if (!match.matches() || (match.group(4) == null) != (match.group(8) == null)) {
      throw new TableError(PythonFormat.quoted(text) + " is not a position; use ±DDMM±DDDMM or ±DDMMSS±DDDMMSS");
    }
    double latitude = degrees(match.group(1), match.group(2), match.group(3), match.group(4));
    double longitude = degrees(match.group(5), match.group(6), match.group(7), match.group(8));
    if (Math.abs(latitude) > 90 || Math.abs(longitude) > 180) {
      throw new TableError(PythonFormat.quoted(text) + " lies off the globe");
    }
    return new Degrees(latitude, longitude);
  }

  private static double degrees(String sign, String degrees, String minutes, String secondsOrNull) throws TableError {
    String seconds = secondsOrNull == null ? "0" : secondsOrNull;
    if (Integer.parseInt(minutes) >= 60 || Integer.parseInt(seconds) >= 60) {
      throw new TableError("'%s' minutes and '%s' seconds must be below 60".formatted(minutes, seconds));
    }
    double value = Integer.parseInt(degrees) + Integer.parseInt(minutes) / 60.0 + Integer.parseInt(seconds) / 3600.0;
    return sign.equals("-") ? -value : value;
  }

  /**
   * Parses the whole table, in its order.
   *
   * @param text contents of zone1970.tab: lines of country codes, position, zone name and an optional remark, separated by
   *     tabs; lines that start with # are comments
   * @throws TableError if a line has another form, a name is repeated, or there is no place
   */
  static List<Place> parse(String text) throws TableError {
    Map<String, Place> places = new LinkedHashMap<>();
    int number = 0;
    for (String line : (Iterable<String>) text.lines()::iterator) {
      number++;
      if (line.isEmpty() || line.startsWith("#")) {
        continue;
      }
      Place place = parseLine(number, line);
      if (places.put(place.name(), place) != null) {
        throw new TableError("line %d: %s is repeated; remove one of the lines".formatted(number, place.name()));
      }
    }
    if (places.isEmpty()) {
      throw new TableError("the table has no places; add at least one line");
    }
    return List.copyOf(places.values());
  }

  private static Place parseLine(int number, String line) throws TableError {
    String[] columns = line.split("\t", -1);
    boolean complete = columns.length >= 3 && Arrays.stream(columns, 0, 3).noneMatch(String::isEmpty);
    if (!complete || columns.length > 4) {
      String quoted = PythonFormat.quoted(line);
      throw new TableError("line %d: %s has %d columns, some maybe empty; use 3 or 4".formatted(number, quoted, columns.length));
    }
    Degrees at;
    try {
      at = parsePosition(columns[1]);
    } catch (TableError error) {
      throw new TableError("line %d: %s".formatted(number, error.getMessage()));
    }
    String remark = columns.length == 4 ? columns[3] : "";
    return new Place(columns[2], at.latitude(), at.longitude(), List.of(columns[0].split(",", -1)), remark);
  }

  /**
   * Returns the places of the table in this program.
   *
   * @throws TableError if the program does not contain the table, or the table is malformed
   */
  static List<Place> load() throws TableError {
    try (InputStream stream = PlaceTable.class.getResourceAsStream(RESOURCE)) {
      if (stream == null) {
        throw new TableError("the program does not contain " + RESOURCE.substring(1) + "; add it to its resources");
      }
      return parse(new String(stream.readAllBytes(), StandardCharsets.UTF_8));
    } catch (IOException error) {
      throw new TableError("zone1970.tab can't be read: " + error.getMessage());
    } catch (TableError error) {
      throw new TableError("zone1970.tab: " + error.getMessage());
    }
  }
}
