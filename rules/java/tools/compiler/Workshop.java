package rules.java.tools.compiler;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import rules.java.tools.jars.JarReader;
import rules.java.tools.jars.UserError;

/** A folder in which tests write sources and run the tool on them. */
final class Workshop {
  final Path folder;
  String output = "";

  Workshop(Path folder) {
    this.folder = folder;
  }

  /** Writes a file and returns its path. */
  String write(String name, String... lines) throws IOException {
    Path file = folder.resolve(name);
    Files.createDirectories(file.getParent());
    Files.writeString(file, String.join("\n", lines) + "\n");
    return file.toString();
  }

  String path(String name) {
    return folder.resolve(name).toString();
  }

  byte[] bytes(String name) throws IOException {
    return Files.readAllBytes(folder.resolve(name));
  }

  /** Runs the tool and returns whether it succeeded; what it printed is in {@link #output}. */
  boolean run(String... arguments) {
    return run(Map.of(), arguments);
  }

  /** Runs the tool with digests of its inputs, as a worker does. */
  boolean run(Map<String, String> digests, String... arguments) {
    Map.Entry<Integer, String> result = Main.capture(Arrays.asList(arguments), digests);
    output = result.getValue();
    return result.getKey() == 0;
  }

  /** Compiles one source to NAME.jar and NAME-hjar.jar, with more arguments. */
  boolean compile(String name, String source, String... more) {
    List<String> arguments = new ArrayList<>(List.of("compile", "--label", "//x:" + name, "--output", path(name + ".jar"), "--header",
        path(name + "-hjar.jar"), "--source", source));
    arguments.addAll(Arrays.asList(more));
    return run(arguments.toArray(String[]::new));
  }

  /** Returns the header jar of a source with these lines. */
  byte[] header(String... lines) throws IOException {
    if (!compile("header", write("Sample.java", lines))) {
      throw new AssertionError(output);
    }
    return bytes("header-hjar.jar");
  }

  /** Returns the text of each file of a jar. */
  Map<String, String> files(String jar) throws UserError, IOException {
    Map<String, String> files = new TreeMap<>();
    try (JarReader reader = new JarReader(folder.resolve(jar))) {
      for (String name : reader.names()) {
        files.put(name, new String(reader.content(name), java.nio.charset.StandardCharsets.UTF_8));
      }
    }
    return files;
  }
}
