package rules.java.tests;

import java.io.IOException;

/** Prints its arguments, a property and a resource. */
public final class Program {
  private Program() {}

  /** Prints, or fails at a line that stack traces show. */
  public static void main(String[] args) throws IOException {
    if (args.length == 0) {
      throw new IllegalStateException("no arguments");
    }
    System.out.println(String.join("|", args) + " " + System.getProperty("said") + " " + Some.resource());
  }
}
