package hello;

/** Greets. */
public final class Hello {
  private Hello() {}

  /** Prints a greeting. */
  public static void main(String[] args) {
    System.out.println(Greeting.of(args.length > 0 ? args[0] : "world"));
  }
}
