package com.examples.grpcredis.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.examples.grpcredis.server.PlaceTable.TableError;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Tests of reading the table of places. */
class PlaceTableTest {
  /** Degrees, minutes and seconds are added up, with the sign of the direction. */
  @ParameterizedTest
  @CsvSource({
    "+0000+00000,0,0",
    "+4723+00832,47.383333333333333,8.533333333333333",
    "-3352+15113,-33.866666666666667,151.216666666666667",
    "+404251-0740023,40.714166666666667,-74.006388888888889",
    "-9000-18000,-90,-180"
  })
  void positions(String text, double latitude, double longitude) throws TableError {
    PlaceTable.Degrees at = PlaceTable.parsePosition(text);

    assertEquals(latitude, at.latitude(), 1e-12);
    assertEquals(longitude, at.longitude(), 1e-12);
  }

  /** Another form, 60 minutes or more, and a value out of range are errors. */
  @ParameterizedTest
  @CsvSource({
    "'',is not a position",
    "4723+00832,is not a position",
    "+4723+0832,is not a position",
    "+4723+0083200,is not a position",
    "+472300+00832,is not a position",
    "+4760+00832,below 60",
    "+9001+00000,off the globe",
    "+0000+18001,off the globe"
  })
  void badPositions(String text, String why) {
    TableError error = assertThrows(TableError.class, () -> PlaceTable.parsePosition(text));

    assertTrue(error.getMessage().contains(why), error.getMessage());
  }

  /** Comments and empty lines are skipped, and the fourth column is optional. */
  @Test
  void aTable() throws TableError {
    List<Place> places = PlaceTable.parse("# comment\n\nCH,DE,LI\t+4723+00832\tEurope/Zurich\nAQ\t-6617+11031\tA/Casey\tCasey base\n");

    assertEquals(new Place("Europe/Zurich", 47 + 23 / 60.0, 8 + 32 / 60.0, List.of("CH", "DE", "LI"), ""), places.get(0));
    assertEquals(new Place("A/Casey", -(66 + 17 / 60.0), 110 + 31 / 60.0, List.of("AQ"), "Casey base"), places.get(1));
    assertEquals(2, places.size());
  }

  static Stream<Arguments> badTables() {
    return Stream.of(
        Arguments.of("CH\t+4723+00832\n", "line 1: 'CH\\t+4723+00832' has 2 columns, some maybe empty; use 3 or 4"),
        Arguments.of("# x\nCH\t+47+008\tEurope/Zurich\n", "line 2: '+47+008' is not a position"),
        Arguments.of("\t+4723+00832\tEurope/Zurich\n", "has 3 columns, some maybe empty"),
        Arguments.of("CH\t+4723+00832\tA\nCH\t+4723+00832\tA\n", "line 2: A is repeated; remove one of the lines"),
        Arguments.of("# only a comment\n", "the table has no places"));
  }

  /** The error names the line and what is wrong with it. */
  @ParameterizedTest
  @MethodSource("badTables")
  void aBadTableIsAnError(String text, String why) {
    TableError error = assertThrows(TableError.class, () -> PlaceTable.parse(text));

    assertTrue(error.getMessage().contains(why), error.getMessage());
  }

  /** The program's table has hundreds of places with valid positions, and Zurich's position is right. */
  @Test
  void theProgramsTableIsValid() throws TableError {
    List<Place> places = PlaceTable.load();

    assertTrue(places.size() > 250);
    assertTrue(places.stream().allMatch(place -> Math.abs(place.latitude()) <= 85.05));
    Place zurich = places.stream().filter(place -> place.name().equals("Europe/Zurich")).findFirst().orElseThrow();
    assertEquals(47.3833, zurich.latitude(), 1e-3);
    assertEquals(8.5333, zurich.longitude(), 1e-3);
    assertEquals("CH", zurich.countries().get(0));
  }
}
