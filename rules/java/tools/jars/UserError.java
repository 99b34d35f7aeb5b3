package rules.java.tools.jars;

import java.nio.file.Path;

/** An error of the user's input: its message is all that is printed. */
public final class UserError extends Exception {
  private static final long serialVersionUID = 1L;

  public UserError(String message) {
    super(message);
  }

  /** Returns the error of a jar that cannot be read. */
  public static UserError damaged(Path jar, Exception problem) {
    return new UserError("ERROR: " + jar + " is damaged or not a jar (" + problem.getMessage() + "). Replace it.");
  }
}
