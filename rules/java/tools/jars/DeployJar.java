package rules.java.tools.jars;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.jar.Attributes;
import java.util.jar.Manifest;

/** Merges the run-time jars of a program into one that `java -jar` starts. */
public final class DeployJar {
  /** Files that each library brings and that only work together: their contents are joined. */
  private static final List<String> JOINED = List.of("reference.conf", "META-INF/spring.factories", "META-INF/spring.handlers",
      "META-INF/spring.schemas", "META-INF/spring.tooltips");

  private DeployJar() {}

  private static boolean isJoined(String name) {
    return JOINED.contains(name) || name.startsWith("META-INF/services/");
  }

  /** Signatures and indices describe the jar that they come from, and a module is a jar of its own. */
  private static boolean isDropped(String name) {
    String upper = name.toUpperCase(java.util.Locale.ROOT);
    boolean signature = upper.matches("META-INF/[^/]*\\.(SF|RSA|DSA|EC)");
    return signature || upper.equals(JarWriter.MANIFEST) || upper.equals("META-INF/INDEX.LIST") || name.endsWith("module-info.class");
  }

  /** Writes the jar. Of two files with one name, the first on the class path wins, as the virtual machine has it. */
  public static boolean run(Arguments arguments, Map<String, String> inputs, PrintStream output) throws UserError, IOException {
    JarWriter deploy = new JarWriter();
    Map<String, ByteArrayOutputStream> joined = new TreeMap<>();
    boolean multiRelease = false;
    List<String> opens = new ArrayList<>();
    for (Path path : arguments.paths("--jar")) {
      try (JarReader jar = new JarReader(path)) {
        jar.copy(deploy, name -> !isJoined(name) && !isDropped(name));
        for (String name : jar.names()) {
          if (isJoined(name)) {
            ByteArrayOutputStream all = joined.computeIfAbsent(name, key -> new ByteArrayOutputStream());
            all.write(jar.content(name));
            all.write('\n');
          }
        }
        Attributes manifest = mainAttributes(jar);
        multiRelease |= "true".equalsIgnoreCase(manifest.getValue("Multi-Release"));
        if (manifest.getValue("Add-Opens") != null) {
          opens.add(manifest.getValue("Add-Opens"));
        }
      }
    }
    for (Map.Entry<String, ByteArrayOutputStream> each : joined.entrySet()) {
      deploy.add(each.getKey(), withoutEmptyLines(each.getValue().toString(StandardCharsets.UTF_8)));
    }
    Map<String, String> attributes = new LinkedHashMap<>();
    attributes.put("Created-By", "rules/java");
    if (!arguments.all("--main-class").isEmpty()) {
      attributes.put("Main-Class", arguments.one("--main-class"));
    }
    if (multiRelease) {
      attributes.put("Multi-Release", "true");
    }
    if (!opens.isEmpty()) {
      attributes.put("Add-Opens", String.join(" ", opens));
    }
    deploy.manifest(attributes);
    deploy.write(Path.of(arguments.one("--output")));
    return true;
  }

  private static Attributes mainAttributes(JarReader jar) throws UserError, IOException {
    byte[] manifest = jar.content(JarWriter.MANIFEST);
    return manifest == null ? new Attributes() : new Manifest(new java.io.ByteArrayInputStream(manifest)).getMainAttributes();
  }

  private static byte[] withoutEmptyLines(String text) {
    StringBuilder kept = new StringBuilder();
    text.lines().filter(line -> !line.isBlank()).forEach(line -> kept.append(line).append('\n'));
    return kept.toString().getBytes(StandardCharsets.UTF_8);
  }
}
