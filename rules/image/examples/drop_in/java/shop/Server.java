package shop;

/** The program of an image. */
public final class Server {
  private Server() {}

  /** Prints the prices of its arguments. */
  public static void main(String[] arguments) {
    for (String thing : arguments) {
      System.out.println(System.getProperty("shop.name") + ": " + thing + " " + Prices.of(thing));
    }
  }
}
