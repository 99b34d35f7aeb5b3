package app;

/** A library of the program. */
public final class Greeting {
  private Greeting() {}

  /** Returns a greeting. */
  public static String text() {
    return "hello";
  }
}
