package rules.java.tools.jars;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Writes the source jar of a target, with each file in the folder of its package, where debuggers and editors look. */
public final class SourceJar {
  private static final Pattern PACKAGE = Pattern.compile("^\\s*(?:@[\\w.]+\\s+)*package\\s+([\\w.]+)\\s*;", Pattern.MULTILINE);

  private SourceJar() {}

  /** Writes the jar. */
  public static boolean run(Arguments arguments, Map<String, String> inputs, PrintStream output) throws UserError, IOException {
    JarWriter sources = new JarWriter();
    sources.manifest(Map.of("Created-By", "rules/java"));
    for (Path path : arguments.paths("--source")) {
      byte[] content = Files.readAllBytes(path);
      Matcher matcher = PACKAGE.matcher(new String(content, StandardCharsets.UTF_8));
      String folder = matcher.find() ? matcher.group(1).replace('.', '/') + "/" : "";
      sources.add(folder + path.getFileName(), content);
    }
    for (Path path : arguments.paths("--source-jar")) {
      try (JarReader jar = new JarReader(path)) {
        jar.copy(sources, name -> !name.equals(JarWriter.MANIFEST));
      }
    }
    sources.write(Path.of(arguments.one("--output")));
    return true;
  }
}
