package app;

import com.google.gson.Gson;
import java.io.IOException;
import java.io.InputStream;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.net.ssl.SSLContext;

/** Prints what a program sees in its image, as JSON; with the argument serve it then waits for a signal. */
public final class Facts {
  private Facts() {}

  /**
   * Prints the facts.
   *
   * @param arguments "serve" to wait until the process is stopped, "fill" to use up the heap, or words to print
   */
  public static void main(String[] arguments) throws Exception {
    Map<String, Object> facts = new TreeMap<>();
    facts.put("arguments", List.of(arguments));
    facts.put("greeting", Greeting.text());
    facts.put("resource", resource("/app/words.txt"));
    facts.put("classPath", System.getProperty("java.class.path"));
    facts.put("javaHome", System.getProperty("java.home"));
    facts.put("version", System.getProperty("java.specification.version"));
    facts.put("property", System.getProperty("from.flags", ""));
    facts.put("file", System.getProperty("data.file", "").isEmpty() ? "" : Files.readString(Path.of(System.getProperty("data.file"))).strip());
    facts.put("relative", Files.readString(Path.of("rules/image/tests/java/data.txt")).strip());
    facts.put("maxHeap", Runtime.getRuntime().maxMemory());
    facts.put("pid", ProcessHandle.current().pid());
    facts.put("user", Files.readAllLines(Path.of("/proc/self/status")).stream().filter(line -> line.startsWith("Uid:")).findFirst().orElse(""));
    facts.put("protocols", List.of(SSLContext.getDefault().getDefaultSSLParameters().getProtocols()));
    facts.put("authorities", authorities());
    facts.put("modules", ModuleLayer.boot().modules().stream().map(Module::getName).sorted().collect(Collectors.toList()));
    facts.put("runfiles", System.getenv("RUNFILES_DIR"));
    facts.put("flags", ManagementFactory.getRuntimeMXBean().getInputArguments());
    if (List.of(arguments).contains("serve")) {
      Runtime.getRuntime().addShutdownHook(new Thread(() -> System.out.println("stopping")));
    }
    System.out.println(new Gson().toJson(facts));
    if (List.of(arguments).contains("fill")) {
      fill();
    }
    if (List.of(arguments).contains("serve")) {
      Thread.sleep(Long.MAX_VALUE);
    }
  }

  private static String resource(String name) throws IOException {
    try (InputStream stream = Facts.class.getResourceAsStream(name)) {
      return stream == null ? "" : new String(stream.readAllBytes(), StandardCharsets.UTF_8).strip();
    }
  }

  private static int authorities() throws Exception {
    var trust = javax.net.ssl.TrustManagerFactory.getInstance("PKIX");
    trust.init((java.security.KeyStore) null);
    return Stream.of(trust.getTrustManagers()).mapToInt(each -> ((javax.net.ssl.X509TrustManager) each).getAcceptedIssuers().length).sum();
  }

  private static void fill() {
    List<byte[]> kept = new java.util.ArrayList<>();
    while (true) {
      kept.add(new byte[1 << 24]);
    }
  }
}
