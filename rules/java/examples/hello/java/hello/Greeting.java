package hello;

/** A greeting. */
public final class Greeting {
  private Greeting() {}

  /** Returns a greeting for a name. */
  public static String of(String name) {
    return "Hello, " + name + "!";
  }
}
