package rules.java.tools.compiler;

import com.sun.source.util.JavacTask;
import java.io.IOException;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
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
import javax.tools.Diagnostic;
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
  // javac itself is loaded at the first compilation only: the other tools start without it.
  private JavaCompiler compiler;
  private StandardJavaFileManager platform;

  // What the file manager reports itself, above all bytes of a source that are not UTF-8. javac does not count these as errors.
  private final List<Diagnostic<? extends JavaFileObject>> unreadable = new ArrayList<>();

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
      for (Map.Entry<String, MemoryFile> each : files.written(files.classes)) {
        jar.add(each.getKey(), each.getValue().content());
        if (each.getValue().getKind() == JavaFileObject.Kind.CLASS) {
          HeaderJar.add(header, each.getKey(), each.getValue().content());
        }
      }
      for (Map.Entry<String, MemoryFile> each : files.written(files.generated)) {
        generated.add(each.getKey(), each.getValue().content());
      }
    }
    List<Path> resources = arguments.paths("--resource");
    for (int i = 0; i < resources.size(); i++) {
      String name = arguments.all("--resource-name").get(i);
      if (Files.isDirectory(resources.get(i))) {
        throw new UserError("ERROR: " + label + ": resources: " + resources.get(i) + " is a folder. Name the files in it, for example with glob.");
      }
      if (!jar.add(name, Files.readAllBytes(resources.get(i)))) {
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
      platform = newFileManager();
    }
    unreadable.clear();
    ClassPath classPath = new ClassPath();
    JavacOptions options = JavacOptions.of(label, arguments);
    // What an option says about the platform's classes must not be true of the next request.
    try (StandardJavaFileManager own = options.changePlatform ? newFileManager() : null;
        URLClassLoader processors = processors(arguments.paths("--processor-path"))) {
      for (Path path : arguments.paths("--direct")) {
        classPath.add(path, null, inputs.get(path.toString()));
      }
      List<Path> transitive = arguments.paths("--transitive");
      for (int i = 0; i < transitive.size(); i++) {
        classPath.add(transitive.get(i), arguments.all("--owner").get(i), inputs.get(transitive.get(i).toString()));
      }
      CompileFiles files = new CompileFiles(own == null ? platform : own, classPath, processors);
      Messages messages = new Messages(output);
      JavacTask task;
      try {
        task = (JavacTask) compiler.getTask(messages.writer, files, null, options.all, null, sources(arguments));
      } catch (IllegalArgumentException | IllegalStateException wrongOption) {
        throw new UserError("ERROR: " + label + ": javacopts: " + wrongOption.getMessage().replaceFirst("^error: ", ""));
      }
      StrictDeps strictDeps = new StrictDeps(task, classPath);
      if (!arguments.one("--strict-deps", "error").equals("off")) {
        task.addTaskListener(strictDeps);
      }
      boolean compiled;
      try {
        compiled = task.call();
      } catch (RuntimeException problem) {
        messages.finish(label);
        if (problem.getCause() == null) {
          throw problem;
        }
        // javac wraps what a processor throws.
        throw new UserError("ERROR: " + label + ": an annotation processor failed. Report the exception to its authors, or remove it from"
            + " plugins:\n" + trace(problem.getCause()));
      }
      messages.finish(label);
      unreadable.forEach(output::println);
      return strictDeps.report(label, output) && compiled && unreadable.isEmpty() ? files : null;
    } finally {
      classPath.close();
    }
  }

  private StandardJavaFileManager newFileManager() {
    return compiler.getStandardFileManager(unreadable::add, Locale.ROOT, null); // A charset here would win over -encoding.
  }

  /** Returns the stack trace of an exception of a processor, without what called the processor. */
  private static String trace(Throwable problem) {
    StringWriter text = new StringWriter();
    problem.printStackTrace(new PrintWriter(text));
    StringBuilder kept = new StringBuilder();
    text.toString().lines().takeWhile(line -> !line.contains("at jdk.compiler/")).forEach(line -> kept.append(line).append('\n'));
    return kept.toString().stripTrailing();
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
