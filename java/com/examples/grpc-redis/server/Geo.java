package com.examples.grpcredis.server;

import com.examples.common.PythonFormat;
import java.math.BigDecimal;
import java.math.RoundingMode;

/** Distances on Earth, computed like in Redis, and validation of input. */
final class Geo {
  /** Radius of Earth in Redis, so that our distances equal those of GEOSEARCH. */
  static final double EARTH_RADIUS_KM = 6372.797560856;

  /** Highest latitude that Redis can index, because it uses Web Mercator tiles. */
  static final double MAX_LATITUDE = 85.05112878;

  /** Largest distance between two places: half of Earth's circumference. */
  static final double MAX_DISTANCE_KM = Math.PI * EARTH_RADIUS_KM;

  private Geo() {}

  /** A request has a value that is out of range; the text says what is valid. */
  static final class InvalidInput extends RuntimeException {
    private static final long serialVersionUID = 1;

    InvalidInput(String message) {
      super(message);
    }
  }

  /**
   * Checks a position.
   *
   * @param latitude degrees north
   * @param longitude degrees east
   * @throws InvalidInput if Redis can't index the position
   */
  static void checkPosition(double latitude, double longitude) {
    if (!(Math.abs(latitude) <= MAX_LATITUDE)) { // written so that NaN fails too
      throw new InvalidInput("latitude is " + PythonFormat.general(latitude) + "; use degrees from -85.05 to 85.05");
    }
    if (!(Math.abs(longitude) <= 180)) {
      throw new InvalidInput("longitude is " + PythonFormat.general(longitude) + "; use degrees from -180 to 180");
    }
  }

  /**
   * Checks a radius.
   *
   * @param radiusKm radius in km
   * @throws InvalidInput if the radius is not more than 0 and at most MAX_DISTANCE_KM
   */
  static void checkRadius(double radiusKm) {
    if (!(0 < radiusKm && radiusKm <= MAX_DISTANCE_KM)) {
      String most = PythonFormat.fixed(MAX_DISTANCE_KM, 0);
      throw new InvalidInput("radius_km is " + PythonFormat.general(radiusKm) + "; use more than 0 and at most " + most);
    }
  }

  /**
   * Checks the length of a text.
   *
   * @param field name of the field, for the error message
   * @param text the text
   * @param limit maximum number of characters (Unicode code points)
   * @throws InvalidInput if the text is empty or too long
   */
  static void checkText(String field, String text, int limit) {
    int length = text.codePointCount(0, text.length());
    if (length < 1 || length > limit) {
      throw new InvalidInput("%s has %d characters; use 1 to %d".formatted(field, length, limit));
    }
  }

  /**
   * Returns a length rounded to a millimeter.
   *
   * <p>The last bits of a sine depend on the language, and the sample's servers are interchangeable.
   */
  static double roundedKm(double lengthKm) {
    return new BigDecimal(lengthKm).setScale(6, RoundingMode.HALF_EVEN).doubleValue();
  }

  /** Returns the great-circle distance in km between two positions in degrees (haversine formula). */
  static double distanceKm(double fromLatitude, double fromLongitude, double toLatitude, double toLongitude) {
    double phi1 = Math.toRadians(fromLatitude);
    double phi2 = Math.toRadians(toLatitude);
    double u = Math.sin((phi2 - phi1) / 2);
    double v = Math.sin(Math.toRadians(toLongitude - fromLongitude) / 2);
    double h = u * u + Math.cos(phi1) * Math.cos(phi2) * v * v;
    return 2 * EARTH_RADIUS_KM * Math.asin(Math.sqrt(Math.min(1.0, h)));
  }
}
