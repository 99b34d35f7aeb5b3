package rules.java.tests;

/** A class that a generated one stands beside. */
@Make
public final class Asks {
  private Asks() {}

  /** Returns the name of the generated class. */
  public static String made() {
    return AsksMade.class.getSimpleName();
  }
}
