package rules.java.tests;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;

/** Reads the resource of its jar. */
public final class Some {
  private Some() {}

  /** Returns the text of the resource. */
  public static String resource() throws IOException {
    try (InputStream stream = Some.class.getResourceAsStream("/some.txt")) {
      return new String(stream.readAllBytes(), StandardCharsets.UTF_8).strip();
    }
  }
}
