import com.sun.security.auth.module.UnixSystem;

/** Says hello, and which user it runs as. */
public final class Jar {
  private Jar() {}

  public static void main(String[] arguments) {
    System.out.println("hello " + arguments[0] + ", from user " + new UnixSystem().getUid());
  }
}
