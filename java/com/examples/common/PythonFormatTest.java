package com.examples.common;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Tests of Python's formats. The expected texts are what Python 3.11 prints. */
class PythonFormatTest {
  /** A half is rounded to even, of the number's exact binary value. */
  @ParameterizedTest
  @CsvSource({"2.5,0,2", "3.5,0,4", "0.125,2,0.12", "2.675,2,2.67", "-0.001,2,-0.00", "1e21,0,1000000000000000000000", "NaN,0,nan"})
  void fixed(double value, int decimals, String expected) {
    assertEquals(expected, PythonFormat.fixed(value, decimals));
  }

  /** A number has up to six digits, and an exponent if it is small or large. */
  @ParameterizedTest
  @CsvSource({
    "91,91", "91.5,91.5", "-1e9,-1e+09", "1234567,1.23457e+06", "999999.5,1e+06", "100000,100000", "0.0001,0.0001", "0.00001234,1.234e-05",
    "0,0", "-0.0,-0", "NaN,nan", "Infinity,inf", "-Infinity,-inf"
  })
  void general(double value, String expected) {
    assertEquals(expected, PythonFormat.general(value));
  }

  /** The shortest text has an exponent like Python's, and a point. */
  @ParameterizedTest
  @CsvSource({
    "0.1,0.1", "3,3.0", "-0.0,-0.0", "47.38333333333333,47.38333333333333", "1e15,1000000000000000.0", "1e16,1e+16", "2e23,2e+23",
    "0.0001,0.0001", "0.00001,1e-05", "1.7976931348623157e308,1.7976931348623157e+308", "4.9e-324,5e-324"
  })
  void shortest(double value, String expected) {
    assertEquals(expected, PythonFormat.shortest(value));
  }

  /** The shortest text parses to the same number, whatever the number. */
  @Test
  void shortestKeepsTheNumber() {
    Random random = new Random(1);
    for (int i = 0; i < 10_000; i++) {
      double value = Double.longBitsToDouble(random.nextLong());
      if (Double.isFinite(value)) {
        assertEquals(value, Double.parseDouble(PythonFormat.shortest(value)));
      }
    }
  }

  /** Quotes, backslashes and characters that can't be printed are escaped. */
  @Test
  void quoted() {
    assertEquals("'Nowhere'", PythonFormat.quoted("Nowhere"));
    assertEquals("\"O'Brien\"", PythonFormat.quoted("O'Brien"));
    assertEquals("'\\'\"'", PythonFormat.quoted("'\""));
    assertEquals("'a\\\\b\\n\\r\\t\\x00\\x7f\\xa0\\xad'", PythonFormat.quoted("a\\b\n\r\t\0\u007f\u00a0\u00ad"));
    assertEquals("'é 😀 \\u2028\\ue000\\U000e0001'", PythonFormat.quoted("é 😀 \u2028\ue000\udb40\udc01"));
  }
}
