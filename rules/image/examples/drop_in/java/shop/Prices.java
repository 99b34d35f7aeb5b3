package shop;

/** A library of the server. */
public final class Prices {
  private Prices() {}

  /** Returns the price of everything. */
  public static int of(String thing) {
    return thing.length();
  }
}
