import java.io.File;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import org.apache.maven.settings.Proxy;
import org.apache.maven.settings.Server;

/** Prints the passwords of the settings, decrypted by Maven: "server ID PASSWORD" and "proxy ID PASSWORD", in base64. */
public final class Decrypt {
  private Decrypt() {}

  /** Arguments are the Maven installation's folder and the user's settings.xml. */
  public static void main(String[] arguments) throws Exception {
    MavenSession maven = new MavenSession(new File(arguments[0]), new File(arguments[1]));
    for (Server server : maven.decrypted.getServers()) {
      line("server", server.getId(), server.getPassword());
    }
    for (Proxy proxy : maven.decrypted.getProxies()) {
      line("proxy", proxy.getId(), proxy.getPassword());
    }
  }

  private static void line(String kind, String id, String password) {
    if (password != null) {
      System.out.println(kind + "\t" + encode(id) + "\t" + encode(password));
    }
  }

  private static String encode(String text) {
    return Base64.getEncoder().encodeToString(text.getBytes(StandardCharsets.UTF_8));
  }
}
