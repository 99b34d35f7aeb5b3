package rules.java.tests;

/** A program in a nested class, with a name that is not ASCII. */
class Nested {
  /** The program. */
  public static class Größe {
    private Größe() {}

    /** Prints its arguments. */
    public static void main(String[] arguments) {
      System.out.println("nested " + String.join("|", arguments));
    }
  }
}
