package rules.java.tools.junit;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/** The XML of test results that Bazel and continuous integration read. */
final class JUnitXml {
  private JUnitXml() {}

  /**
   * Writes the file.
   *
   * @param file the file
   * @param suite the name of the suite
   * @param cases the tests
   * @param seconds how long all took
   */
  static void write(Path file, String suite, List<TestCase> cases, double seconds) throws IOException {
    long failures = cases.stream().filter(each -> each.error instanceof AssertionError).count();
    long errors = cases.stream().filter(each -> each.error != null).count() - failures;
    long skipped = cases.stream().filter(each -> each.skipped != null).count();
    StringBuilder xml = new StringBuilder("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    xml.append(String.format(Locale.ROOT, "<testsuite name=\"%s\" tests=\"%d\" failures=\"%d\" errors=\"%d\" skipped=\"%d\" time=\"%.3f\">%n",
        escape(suite), cases.size(), failures, errors, skipped, seconds));
    for (TestCase each : cases) {
      xml.append(String.format(Locale.ROOT, "<testcase name=\"%s\" classname=\"%s\" time=\"%.3f\"", escape(each.name), escape(each.className),
          each.seconds));
      if (each.error != null) {
        String kind = each.error instanceof AssertionError ? "failure" : "error";
        String message = each.error.getMessage() == null ? "" : each.error.getMessage();
        xml.append(String.format("><%s message=\"%s\" type=\"%s\">%s</%s></testcase>%n", kind, escape(message),
            escape(each.error.getClass().getName()), escape(each.trace()), kind));
      } else if (each.skipped != null) {
        xml.append(String.format("><skipped message=\"%s\"/></testcase>%n", escape(each.skipped)));
      } else {
        xml.append("/>\n");
      }
    }
    Files.write(file, xml.append("</testsuite>\n</testsuites>\n").toString().getBytes(StandardCharsets.UTF_8));
  }

  /** Returns text for an attribute or an element; characters that XML does not have become U+FFFD. */
  static String escape(String text) {
    StringBuilder escaped = new StringBuilder();
    text.codePoints().forEach(c -> {
      boolean valid = c == '\t' || c == '\n' || c == '\r' || (c >= ' ' && c <= 0xd7ff) || (c >= 0xe000 && c <= 0xfffd) || c >= 0x10000;
      switch (c) {
        case '&':
          escaped.append("&amp;");
          break;
        case '<':
          escaped.append("&lt;");
          break;
        case '>':
          escaped.append("&gt;");
          break;
        case '"':
          escaped.append("&quot;");
          break;
        case '\n':
          escaped.append("&#10;");
          break;
        default:
          escaped.appendCodePoint(valid ? c : 0xfffd);
      }
    });
    return escaped.toString();
  }
}
