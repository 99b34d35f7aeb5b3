package rules.java.tools.jars;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.Map;

/** Header jars: what a compilation reads of the jars of other targets. */
public final class HeaderJar {
  private HeaderJar() {}

  /** Adds a class to a header jar, unless no other file can name it. */
  public static void add(JarWriter header, String name, byte[] content) throws IOException {
    byte[] stripped;
    try {
      stripped = name.endsWith("module-info.class") ? content : ClassStripper.strip(content);
    } catch (IllegalArgumentException | IndexOutOfBoundsException notUnderstood) {
      stripped = content; // Larger, and changes more often, but right.
    }
    if (stripped != null) {
      header.add(name, stripped);
    }
  }

  /** Writes the header jar of a jar that was compiled elsewhere. */
  public static boolean run(Arguments arguments, Map<String, String> inputs, PrintStream output) throws UserError, IOException {
    JarWriter header = new JarWriter();
    try (JarReader jar = new JarReader(Path.of(arguments.one("--jar")))) {
      for (String name : jar.names()) {
        if (name.endsWith(".class") && !name.startsWith("META-INF/")) {
          add(header, name, jar.content(name));
        }
      }
    }
    header.write(Path.of(arguments.one("--output")));
    return true;
  }
}
