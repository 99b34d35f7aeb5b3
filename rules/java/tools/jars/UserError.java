package rules.java.tools.jars;

/** An error of the user's input: its message is all that is printed. */
public final class UserError extends Exception {
  private static final long serialVersionUID = 1L;

  public UserError(String message) {
    super(message);
  }
}
