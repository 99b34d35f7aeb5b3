package rules.java.tools.junit;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.regex.Pattern;

/** What came of one test. */
final class TestCase {
  /** A frame, which may start with its class loader and module (app//, java.base/). */
  private static final Pattern INTERNAL = Pattern.compile(
      "\\s+at (?:[^/(]*/)*(?:org\\.junit\\.|jdk\\.internal\\.reflect\\.|java\\.lang\\.reflect\\.|rules\\.java\\.tools\\.junit\\.TestRunner\\.)");

  final String className;
  final String name;
  final double seconds;

  /** Why it failed, or null. */
  final Throwable error;

  /** Why it was skipped, or null. */
  final String skipped;

  private TestCase(String className, String name, double seconds, Throwable error, String skipped) {
    this.className = className;
    this.name = name;
    this.seconds = seconds;
    this.error = error;
    this.skipped = skipped;
  }

  static TestCase passed(String className, String name, double seconds) {
    return new TestCase(className, name, seconds, null, null);
  }

  static TestCase failed(String className, String name, double seconds, Throwable error) {
    return new TestCase(className, name, seconds, error == null ? new AssertionError("failed without a reason") : error, null);
  }

  static TestCase skipped(String className, String name, double seconds, String reason) {
    return new TestCase(className, name, seconds, null, reason);
  }

  /** Returns the stack trace without the frames of the runner and of reflection, which are below every test. */
  String trace() {
    StringWriter text = new StringWriter();
    error.printStackTrace(new PrintWriter(text, true));
    StringBuilder kept = new StringBuilder();
    text.toString().lines().filter(line -> !INTERNAL.matcher(line).lookingAt()).forEach(line -> kept.append(line).append('\n'));
    return kept.toString();
  }
}
