package rules.java.tools.jars;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Checks at build time that the class that a program or a test starts exists. */
public final class MainClassCheck {
  private MainClassCheck() {}

  /** Writes an empty file if the class is there and a main class can be started, and prints an error otherwise. */
  public static boolean run(Arguments arguments, Map<String, String> inputs, PrintStream output) throws UserError, IOException {
    String label = arguments.one("--label");
    String attribute = arguments.one("--attribute");
    String name = arguments.one("--class");
    List<Path> jars = arguments.paths("--jar");
    boolean needsMain = attribute.equals("main_class");
    byte[] content = find(name.replace('.', '/'), jars);
    if (content == null) {
      throw new UserError("ERROR: " + label + ": " + attribute + " is " + name + ", which is not in srcs, deps or runtime_deps. "
          + advice(attribute, jars));
    }
    if (needsMain && !hasMain(content, jars)) {
      throw new UserError("ERROR: " + label + ": " + attribute + " is " + name + ", which has no method"
          + " `public static void main(String[] args)`. " + advice(attribute, jars));
    }
    Files.write(Path.of(arguments.one("--output")), new byte[0]);
    return true;
  }

  private static byte[] find(String name, List<Path> jars) throws UserError, IOException {
    for (Path path : jars) {
      try (JarReader jar = new JarReader(path)) {
        byte[] content = jar.content(name + ".class");
        if (content != null) {
          return content;
        }
      }
    }
    return null;
  }

  private static boolean hasMain(byte[] content, List<Path> jars) throws UserError, IOException {
    ClassParser parsed = new ClassParser(content);
    int needed = ClassParser.ACC_PUBLIC | ClassParser.ACC_STATIC;
    for (ClassParser.Member method : parsed.methods) {
      if ((method.access & needed) == needed && parsed.utf8(method.name).equals("main")
          && parsed.utf8(method.descriptor).equals("([Ljava/lang/String;)V")) {
        return true;
      }
    }
    String parent = parsed.className(parsed.superClass);
    byte[] inherited = parent == null || parent.startsWith("java/") ? null : find(parent, jars);
    return inherited != null && hasMain(inherited, jars);
  }

  /** Returns a sentence with the classes of the target's own jar that could be meant. */
  private static String advice(String attribute, List<Path> jars) throws UserError, IOException {
    List<String> candidates = new ArrayList<>();
    if (!jars.isEmpty()) {
      try (JarReader jar = new JarReader(jars.get(0))) {
        for (String name : jar.names()) {
          if (name.endsWith(".class") && !name.endsWith("-info.class") && isCandidate(attribute, name, jar.content(name))) {
            candidates.add(name.substring(0, name.length() - ".class".length()).replace('/', '.'));
          }
        }
      }
    }
    return candidates.isEmpty()
        ? "Set it to a class " + (attribute.equals("main_class") ? "with a main method." : "with tests.")
        : "Set it to " + String.join(" or ", candidates.subList(0, Math.min(3, candidates.size()))) + ".";
  }

  private static boolean isCandidate(String attribute, String name, byte[] content) throws UserError, IOException {
    return attribute.equals("main_class") ? hasMain(content, List.of()) : name.endsWith("Test.class");
  }
}
