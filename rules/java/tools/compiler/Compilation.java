package rules.java.tools.compiler;

import com.sun.source.util.JavacTask;
import java.io.IOException;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Enumeration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;
import rules.java.tools.jars.Arguments;
import rules.java.tools.jars.HeaderJar;
import rules.java.tools.jars.JarWriter;
import rules.java.tools.jars.UserError;

/** Compiles the sources of one target to its class jar, its header jar and the jar of its generated sources. */
final class Compilation {
  private static final List<String> RELEASE_FLAGS = List.of("--release", "-source", "--source", "-target", "--target");

  // javac itself is loaded at the first compilation only: the other tools start without it.
  private JavaCompiler compiler;
  private StandardJavaFileManager platform;

  /** Runs one compilation. */
  boolean run(Arguments arguments, Map<String, String> inputs, PrintStream output) throws UserError, IOException {
    String label = arguments.one("--label");
    JarWriter jar = new JarWriter();
    jar.manifest(Map.of("Created-By", "rules/java"));
    JarWriter header = new JarWriter();
    JarWriter generated = new JarWriter();
    if (!arguments.all("--source").isEmpty() || !arguments.all("--source-jar").isEmpty()) {
      CompileFiles files = compile(label, arguments, inputs, output);
      if (files == null) {
        return false;
      }
      for (Map.Entry<String, MemoryFile> each : files.classes.entrySet()) {
        jar.add(each.getKey(), each.getValue().content());
        if (each.getValue().getKind() == JavaFileObject.Kind.CLASS) {
          HeaderJar.add(header, each.getKey(), each.getValue().content());
        }
      }
      for (Map.Entry<String, MemoryFile> each : files.generated.entrySet()) {
        generated.add(each.getKey(), each.getValue().content());
      }
    }
    for (String resource : arguments.all("--resource")) {
      int space = resource.indexOf(' ');
      String name = resource.substring(0, space);
      if (!jar.add(name, Files.readAllBytes(Path.of(resource.substring(space + 1))))) {
        throw new UserError("ERROR: " + label + ": resources: two files go to " + name + " in the jar. Remove one of them.");
      }
    }
    jar.write(Path.of(arguments.one("--output")));
    header.write(Path.of(arguments.one("--header")));
    if (!arguments.all("--generated-sources").isEmpty()) {
      generated.write(Path.of(arguments.one("--generated-sources")));
    }
    return true;
  }

  private CompileFiles compile(String label, Arguments arguments, Map<String, String> inputs, PrintStream output)
      throws UserError, IOException {
    if (compiler == null) {
      compiler = ToolProvider.getSystemJavaCompiler();
      platform = compiler.getStandardFileManager(null, Locale.ROOT, StandardCharsets.UTF_8);
    }
    ClassPath classPath = new ClassPath();
    try (URLClassLoader processors = processors(arguments.paths("--processor-path"))) {
      for (Path path : arguments.paths("--direct")) {
        classPath.add(path, null, inputs.get(path.toString()));
      }
      for (String each : arguments.all("--transitive")) {
        int space = each.indexOf(' ');
        Path path = Path.of(each.substring(space + 1));
        classPath.add(path, each.substring(0, space), inputs.get(path.toString()));
      }
      CompileFiles files = new CompileFiles(platform, classPath, processors);
      PrintWriter messages = new PrintWriter(output, true);
      JavacTask task;
      try {
        task = (JavacTask) compiler.getTask(messages, files, null, options(arguments), null, sources(arguments));
      } catch (IllegalArgumentException | IllegalStateException wrongOption) {
        throw new UserError("ERROR: " + label + ": javacopts: " + wrongOption.getMessage().replaceFirst("^error: ", ""));
      }
      StrictDeps strictDeps = new StrictDeps(task, classPath);
      if (!arguments.one("--strict-deps", "error").equals("off")) {
        task.addTaskListener(strictDeps);
      }
      boolean compiled = task.call();
      messages.flush();
      return strictDeps.report(label, output) && compiled ? files : null;
    } finally {
      classPath.close();
    }
  }

  private static List<String> options(Arguments arguments) {
    // XDsuppressNotes: "uses unchecked operations" without a place helps nobody, -Xlint:unchecked has the places.
    List<String> options = new ArrayList<>(List.of("-g", "-encoding", "UTF-8", "-XDsuppressNotes"));
    List<String> own = arguments.all("--javacopt");
    if (own.stream().noneMatch(option -> RELEASE_FLAGS.contains(option.split("=")[0]))) {
      options.addAll(Runtime.version().feature() == 17 ? List.of("-source", "17", "-target", "17") : List.of("--release", "17"));
    }
    List<String> names = arguments.all("--processor");
    options.addAll(names.isEmpty() ? List.of("-proc:none") : List.of("-processor", String.join(",", names)));
    options.addAll(own);
    return options;
  }

  /** Returns a loader of annotation processors, a new one for each compilation because of their static state. */
  private static URLClassLoader processors(List<Path> jars) throws MalformedURLException {
    URL[] urls = new URL[jars.size()];
    for (int i = 0; i < urls.length; i++) {
      urls[i] = jars.get(i).toUri().toURL();
    }
    return new URLClassLoader(urls, new CompilerClasses());
  }

  /** The classes of javac and the platform, without those of this program. */
  private static final class CompilerClasses extends ClassLoader {
    CompilerClasses() {
      super(ClassLoader.getPlatformClassLoader());
    }

    @Override
    protected Class<?> findClass(String name) throws ClassNotFoundException {
      if (name.startsWith("com.sun.") || name.startsWith("jdk.")) {
        return ClassLoader.getSystemClassLoader().loadClass(name);
      }
      throw new ClassNotFoundException(name);
    }
  }

  private Iterable<? extends JavaFileObject> sources(Arguments arguments) throws IOException {
    List<JavaFileObject> sources = new ArrayList<>();
    platform.getJavaFileObjectsFromPaths(arguments.paths("--source")).forEach(sources::add);
    for (Path path : arguments.paths("--source-jar")) {
      try (ZipFile zip = new ZipFile(path.toFile())) {
        List<ZipEntry> entries = new ArrayList<>();
        for (Enumeration<? extends ZipEntry> each = zip.entries(); each.hasMoreElements(); ) {
          entries.add(each.nextElement());
        }
        ZipEntry[] sorted = entries.toArray(ZipEntry[]::new);
        Arrays.sort(sorted, (one, other) -> one.getName().compareTo(other.getName()));
        for (ZipEntry entry : sorted) {
          if (entry.getName().endsWith(".java")) {
            byte[] content = zip.getInputStream(entry).readAllBytes();
            sources.add(new MemoryFile(path + "!/" + entry.getName(), JavaFileObject.Kind.SOURCE, content));
          }
        }
      }
    }
    return sources;
  }
}
