package rules.java.tools.compiler;

/** An error of the user's input: its message is all that is printed. */
final class UserError extends Exception {
  private static final long serialVersionUID = 1L;

  UserError(String message) {
    super(message);
  }
}
