package rules.java.tools.compiler;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Reads JSON objects from a stream as they arrive, with or without anything between them. */
final class Json {
  private final Reader reader;
  private final char[] buffer = new char[1 << 16];
  private int position;
  private int filled;

  Json(InputStream stream) {
    reader = new InputStreamReader(stream, StandardCharsets.UTF_8);
  }

  /**
   * Returns the next object, as soon as its closing brace has arrived.
   *
   * @return the object, or null at the end of the stream
   * @throws IOException the stream has anything else, or ends inside an object
   */
  Map<String, Object> next() throws IOException {
    int first = skipSpace();
    if (first < 0) {
      return null;
    }
    if (first != '{') {
      throw new IOException("expected a JSON object, found \"" + (char) first + "\"");
    }
    return object();
  }

  /** Returns a string as a JSON literal in ASCII. */
  static String quote(String text) {
    StringBuilder quoted = new StringBuilder("\"");
    for (char c : text.toCharArray()) {
      if (c == '"' || c == '\\') {
        quoted.append('\\').append(c);
      } else if (c < ' ' || c > '~') {
        quoted.append(String.format("\\u%04x", (int) c));
      } else {
        quoted.append(c);
      }
    }
    return quoted.append('"').toString();
  }

  private int read() throws IOException {
    if (position == filled) {
      filled = Math.max(reader.read(buffer), 0);
      position = 0;
      if (filled == 0) {
        return -1;
      }
    }
    return buffer[position++];
  }

  private char need() throws IOException {
    int c = read();
    if (c < 0) {
      throw new EOFException("the last request is cut off");
    }
    return (char) c;
  }

  private int skipSpace() throws IOException {
    int c = read();
    while (c == ' ' || c == '\n' || c == '\r' || c == '\t') {
      c = read();
    }
    return c;
  }

  private char token() throws IOException {
    int c = skipSpace();
    if (c < 0) {
      throw new EOFException("the last request is cut off");
    }
    return (char) c;
  }

  private Map<String, Object> object() throws IOException {
    Map<String, Object> object = new LinkedHashMap<>();
    char c = token();
    while (c != '}') {
      if (c != '"') {
        throw unexpected(c);
      }
      String key = string();
      c = token();
      if (c != ':') {
        throw unexpected(c);
      }
      object.put(key, value(token()));
      c = token();
      if (c == ',') {
        c = token();
      } else if (c != '}') {
        throw unexpected(c);
      }
    }
    return object;
  }

  private Object value(char first) throws IOException {
    switch (first) {
      case '{':
        return object();
      case '[':
        return list();
      case '"':
        return string();
      default:
        return word(first);
    }
  }

  private List<Object> list() throws IOException {
    List<Object> list = new ArrayList<>();
    char c = token();
    while (c != ']') {
      list.add(value(c));
      c = token();
      if (c == ',') {
        c = token();
      } else if (c != ']') {
        throw unexpected(c);
      }
    }
    return list;
  }

  private Object word(char first) throws IOException {
    StringBuilder word = new StringBuilder().append(first);
    while (true) {
      char c = need(); // A word is always inside an object, so something follows it.
      if (!Character.isLetterOrDigit(c) && c != '.' && c != '-' && c != '+') {
        position--;
        break;
      }
      word.append(c);
    }
    switch (word.toString()) {
      case "true":
        return true;
      case "false":
        return false;
      case "null":
        return null;
      default:
        try {
          return Double.valueOf(word.toString());
        } catch (NumberFormatException error) {
          throw new IOException("a request is not JSON: found " + quote(word.toString()));
        }
    }
  }

  private String string() throws IOException {
    StringBuilder text = new StringBuilder();
    for (char c = need(); c != '"'; c = need()) {
      text.append(c == '\\' ? escape(need()) : c);
    }
    return text.toString();
  }

  private char escape(char c) throws IOException {
    switch (c) {
      case 'b':
        return '\b';
      case 'f':
        return '\f';
      case 'n':
        return '\n';
      case 'r':
        return '\r';
      case 't':
        return '\t';
      case 'u':
        String digits = "" + need() + need() + need() + need();
        try {
          return (char) Integer.parseInt(digits, 16);
        } catch (NumberFormatException error) {
          throw new IOException("a request is not JSON: \\u" + digits);
        }
      case '"':
      case '\\':
      case '/':
        return c;
      default:
        throw unexpected(c);
    }
  }

  private static IOException unexpected(char c) {
    return new IOException("a request is not JSON: found \"" + c + "\"");
  }
}
