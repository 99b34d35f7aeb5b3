package rules.java.tools.junit;

/** Why no test can run; the message is for the user. */
final class TestError extends Exception {
  private static final long serialVersionUID = 1L;

  TestError(String message) {
    super(message);
  }
}
