package com.examples.common;

import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.Map;

/**
 * Formats values as Python does.
 *
 * <p>The sample's services in both languages keep the same text in Redis, send the same error messages and log the same
 * lines, so that one can replace the other.
 */
public final class PythonFormat {
  private static final Map<Integer, String> ESCAPES = Map.of((int) '\n', "\\n", (int) '\r', "\\r", (int) '\t', "\\t");

  private PythonFormat() {}

  /**
   * Returns a number with a fixed number of decimals, as {@code f"{value:.2f}"}: half to even, of the exact binary value.
   *
   * @param value a finite number
   * @param decimals number of digits after the point
   */
  public static String fixed(double value, int decimals) {
    if (!Double.isFinite(value)) {
      return notFinite(value);
    }
    String text = new BigDecimal(Math.abs(value)).setScale(decimals, RoundingMode.HALF_EVEN).toPlainString();
    return isNegative(value) ? "-" + text : text;
  }

  /** Returns a number with up to six digits, as {@code f"{value:g}"}. */
  public static String general(double value) {
    if (!Double.isFinite(value)) {
      return notFinite(value);
    }
    String text = value == 0 ? "0" : digits(new BigDecimal(Math.abs(value)).round(new MathContext(6, RoundingMode.HALF_EVEN)), 6);
    return isNegative(value) ? "-" + text : text;
  }

  /** Returns the shortest text that parses to the number again, as {@code repr(value)}. */
  public static String shortest(double value) {
    if (!Double.isFinite(value)) {
      return notFinite(value);
    }
    String text = value == 0 ? "0" : digits(shortestDecimal(Math.abs(value)), 16);
    if (text.chars().allMatch(Character::isDigit)) {
      text += ".0";
    }
    return isNegative(value) ? "-" + text : text;
  }

  /** Returns a string in quotes with escapes, as {@code repr(text)}. */
  public static String quoted(String text) {
    char quote = text.contains("'") && !text.contains("\"") ? '"' : '\'';
    StringBuilder result = new StringBuilder().append(quote);
    text.codePoints().forEach(point -> result.append(escaped(point, quote)));
    return result.append(quote).toString();
  }

  private static boolean isNegative(double value) {
    return value < 0 || 1 / value == Double.NEGATIVE_INFINITY;
  }

  private static String notFinite(double value) {
    return Double.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
  }

  /** Returns the decimal with the fewest digits that rounds to the value; Double.toString finds it only since Java 19. */
  private static BigDecimal shortestDecimal(double value) {
    BigDecimal exact = new BigDecimal(value);
    for (int precision = 1; precision < 17; precision++) {
      BigDecimal candidate = exact.round(new MathContext(precision, RoundingMode.HALF_EVEN));
      if (candidate.doubleValue() == value) {
        return candidate;
      }
    }
    return exact.round(new MathContext(17, RoundingMode.HALF_EVEN));
  }

  /** Returns a positive decimal without trailing zeros, with an exponent if it is below -4 or at least the limit. */
  private static String digits(BigDecimal value, int exponentLimit) {
    BigDecimal stripped = value.stripTrailingZeros();
    int exponent = stripped.precision() - stripped.scale() - 1;
    if (exponent >= -4 && exponent < exponentLimit) {
      return stripped.toPlainString();
    }
    String mantissa = stripped.movePointLeft(exponent).toPlainString();
    return "%se%s%02d".formatted(mantissa, exponent < 0 ? "-" : "+", Math.abs(exponent));
  }

  private static String escaped(int point, char quote) {
    if (point == quote || point == '\\') {
      return "\\" + Character.toString(point);
    }
    if (isPrintable(point)) {
      return Character.toString(point);
    }
    String escape = ESCAPES.get(point);
    if (escape != null) {
      return escape;
    }
    return (point < 0x100 ? "\\x%02x" : point < 0x10000 ? "\\u%04x" : "\\U%08x").formatted(point);
  }

  private static boolean isPrintable(int point) {
    return switch (Character.getType(point)) {
      case Character.CONTROL, Character.FORMAT, Character.SURROGATE, Character.PRIVATE_USE, Character.UNASSIGNED -> false;
      case Character.LINE_SEPARATOR, Character.PARAGRAPH_SEPARATOR -> false;
      case Character.SPACE_SEPARATOR -> point == ' ';
      default -> true;
    };
  }
}
