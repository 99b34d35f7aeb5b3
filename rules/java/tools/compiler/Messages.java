package rules.java.tools.compiler;

import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import rules.java.tools.jars.UserError;

/** What javac prints in one run. Its request for a bug report becomes a sentence where the source is what it cannot take. */
final class Messages {
  private static final String OVERFLOW = "java.lang.StackOverflowError";

  private final StringWriter text = new StringWriter();
  private final PrintStream output;

  /** Where javac prints. */
  final PrintWriter writer = new PrintWriter(text);

  Messages(PrintStream output) {
    this.output = output;
  }

  /**
   * Passes everything on.
   *
   * @param label the target, for errors
   * @throws UserError an expression or a type is nested too deeply for javac
   */
  void finish(String label) throws UserError {
    writer.flush();
    String all = text.toString();
    if (all.lines().anyMatch(OVERFLOW::equals)) {
      throw new UserError("ERROR: " + label + ": javac ran out of stack, because an expression or a type in srcs is nested too deeply."
          + " Split it into several statements.");
    }
    output.print(all);
    output.flush();
  }
}
