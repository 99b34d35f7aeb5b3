package com.examples.grpcredis.server;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Tests of distances and of the validation of input. */
class GeoTest {
  /** Known distances are right: a degree on the equator, pole to pole, and Zurich to London. */
  @Test
  void knownDistances() {
    double degree = Math.PI * Geo.EARTH_RADIUS_KM / 180;

    assertEquals(degree, Geo.distanceKm(0, 0, 0, 1), 1e-9);
    assertEquals(Geo.MAX_DISTANCE_KM, Geo.distanceKm(90, 0, -90, 77), 1e-3);
    assertEquals(778, Geo.distanceKm(47.3833, 8.5333, 51.5083, -0.1253), 3);
    assertEquals(0, Geo.distanceKm(12.3, 45.6, 12.3, 45.6));
  }

  /** The distance of two points on both sides of 180 degrees is short. */
  @Test
  void distanceAcrossTheDateLine() {
    assertEquals(Geo.distanceKm(0, 0, 0, 1), Geo.distanceKm(0, 179.5, 0, -179.5), 1e-9);
  }

  /** A length is rounded to a millimeter, so that it is the same in every language. */
  @Test
  void lengthsAreRounded() {
    assertEquals(31313.576115, Geo.roundedKm(31313.5761150000012));
    assertEquals(0, Geo.roundedKm(0));
  }

  /** A position that Redis can't index is an error, and so is NaN. */
  @ParameterizedTest
  @CsvSource({"85.06,0", "-85.06,0", "0,180.1", "0,-181", "NaN,0", "0,NaN", "Infinity,0"})
  void positionsOutOfRange(double latitude, double longitude) {
    Exception error = assertThrows(Geo.InvalidInput.class, () -> Geo.checkPosition(latitude, longitude));

    assertTrue(error.getMessage().contains("use degrees from"), error.getMessage());
  }

  /** A radius that is not positive, or more than half of Earth's circumference, is an error. */
  @ParameterizedTest
  @ValueSource(doubles = {0, -1, 20100, Double.NaN, Double.POSITIVE_INFINITY})
  void radiiOutOfRange(double radius) {
    Exception error = assertThrows(Geo.InvalidInput.class, () -> Geo.checkRadius(radius));

    assertTrue(error.getMessage().startsWith("radius_km is "), error.getMessage());
  }

  /** The limits themselves are valid; a character outside of the first plane counts as one. */
  @Test
  void validEdgesPass() {
    assertDoesNotThrow(
        () -> {
          Geo.checkPosition(85.05, 180);
          Geo.checkPosition(-85.05, -180);
          Geo.checkRadius(Geo.MAX_DISTANCE_KM);
          Geo.checkText("text", "😀".repeat(256), 256);
        });
  }

  /** The error for a text that is empty or too long names the field, its length and the limit. */
  @ParameterizedTest
  @ValueSource(ints = {0, 257})
  void textsOutOfRange(int length) {
    Exception error = assertThrows(Geo.InvalidInput.class, () -> Geo.checkText("text", "x".repeat(length), 256));

    assertEquals("text has " + length + " characters; use 1 to 256", error.getMessage());
  }
}
