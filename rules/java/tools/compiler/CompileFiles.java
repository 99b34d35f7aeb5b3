package rules.java.tools.compiler;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import javax.tools.FileObject;
import javax.tools.ForwardingJavaFileManager;
import javax.tools.JavaFileManager;
import javax.tools.JavaFileObject;
import javax.tools.StandardJavaFileManager;
import javax.tools.StandardLocation;

/**
 * What javac reads and writes: the class path from {@link ClassPath}, outputs in memory, and the platform's classes from a
 * manager that stays open between requests.
 */
final class CompileFiles extends ForwardingJavaFileManager<StandardJavaFileManager> {
  private final ClassPath classPath;
  private final ClassLoader processors;

  /** Classes and resources by their path in the jar. */
  final Map<String, MemoryFile> classes = new TreeMap<>();

  /** Sources that annotation processors wrote, by their path in a source jar. */
  final Map<String, MemoryFile> generated = new TreeMap<>();

  CompileFiles(StandardJavaFileManager platform, ClassPath classPath, ClassLoader processors) {
    super(platform);
    this.classPath = classPath;
    this.processors = processors;
  }

  /** Returns whether a location is no module of the platform and not its class path. */
  private static boolean isTheTargets(Location location) {
    return location instanceof StandardLocation && location != StandardLocation.PLATFORM_CLASS_PATH;
  }

  /** Returns the files that have content: a processor may open a file and never write it. */
  List<Map.Entry<String, MemoryFile>> written(Map<String, MemoryFile> files) {
    List<Map.Entry<String, MemoryFile>> written = new ArrayList<>(files.entrySet());
    written.removeIf(entry -> !entry.getValue().written());
    return written;
  }

  private static boolean isProcessorPath(Location location) {
    return location == StandardLocation.ANNOTATION_PROCESSOR_PATH;
  }

  @Override
  public ClassLoader getClassLoader(Location location) {
    return isProcessorPath(location) ? processors : null;
  }

  @Override
  public boolean hasLocation(Location location) {
    if (isProcessorPath(location)) {
      return processors != null;
    }
    return location == StandardLocation.CLASS_PATH
        || location == StandardLocation.PLATFORM_CLASS_PATH // For -source 8, which has no modules.
        || location == StandardLocation.CLASS_OUTPUT
        || location == StandardLocation.SOURCE_OUTPUT
        || location == StandardLocation.SYSTEM_MODULES
        || !(location instanceof StandardLocation); // A module of the platform.
  }

  @Override
  public Iterable<JavaFileObject> list(Location location, String packageName, Set<JavaFileObject.Kind> kinds, boolean recurse)
      throws IOException {
    if (location == StandardLocation.CLASS_PATH) {
      return kinds.contains(JavaFileObject.Kind.CLASS) ? classPath.list(packageName) : List.of();
    }
    if (location == StandardLocation.CLASS_OUTPUT || location == StandardLocation.SOURCE_OUTPUT) {
      List<JavaFileObject> files = new ArrayList<>();
      String folder = packageName.isEmpty() ? "" : packageName.replace('.', '/') + "/";
      (location == StandardLocation.CLASS_OUTPUT ? classes : generated).forEach((name, file) -> {
        if (name.startsWith(folder) && (recurse || name.indexOf('/', folder.length()) < 0) && kinds.contains(file.getKind())) {
          files.add(file);
        }
      });
      return files;
    }
    return isTheTargets(location) ? List.of() : super.list(location, packageName, kinds, recurse);
  }

  @Override
  public String inferBinaryName(Location location, JavaFileObject file) {
    if (file instanceof ClassPath.ClassFile) {
      return ((ClassPath.ClassFile) file).binaryName();
    }
    if (file instanceof MemoryFile) {
      for (Map<String, MemoryFile> files : List.of(classes, generated)) {
        for (Map.Entry<String, MemoryFile> entry : files.entrySet()) {
          if (entry.getValue() == file) {
            return entry.getKey().substring(0, entry.getKey().lastIndexOf('.')).replace('/', '.');
          }
        }
      }
      return null;
    }
    return super.inferBinaryName(location, file);
  }

  @Override
  public boolean isSameFile(FileObject one, FileObject other) {
    if (one instanceof MemoryFile || other instanceof MemoryFile || one instanceof ClassPath.ClassFile || other instanceof ClassPath.ClassFile) {
      return one.equals(other);
    }
    return super.isSameFile(one, other);
  }

  @Override
  public JavaFileObject getJavaFileForInput(Location location, String className, JavaFileObject.Kind kind) throws IOException {
    if (location == StandardLocation.CLASS_OUTPUT || location == StandardLocation.SOURCE_OUTPUT) {
      String name = className.replace('.', '/') + kind.extension;
      MemoryFile file = (location == StandardLocation.CLASS_OUTPUT ? classes : generated).get(name);
      return file != null && file.written() ? file : null;
    }
    if (location == StandardLocation.CLASS_PATH) {
      int dot = className.lastIndexOf('.');
      for (JavaFileObject file : classPath.list(dot < 0 ? "" : className.substring(0, dot))) {
        if (kind == JavaFileObject.Kind.CLASS && ((ClassPath.ClassFile) file).binaryName().equals(className)) {
          return file;
        }
      }
      return null;
    }
    return isTheTargets(location) ? null : super.getJavaFileForInput(location, className, kind);
  }

  @Override
  public JavaFileObject getJavaFileForOutput(Location location, String className, JavaFileObject.Kind kind, FileObject sibling) {
    String name = className.replace('.', '/') + kind.extension;
    MemoryFile file = new MemoryFile(name, kind, null);
    (kind == JavaFileObject.Kind.SOURCE ? generated : classes).put(name, file);
    return file;
  }

  private static String path(String packageName, String relativeName) {
    return packageName.isEmpty() ? relativeName : packageName.replace('.', '/') + "/" + relativeName;
  }

  @Override
  public FileObject getFileForInput(Location location, String packageName, String relativeName) throws IOException {
    if (!isTheTargets(location)) {
      return super.getFileForInput(location, packageName, relativeName); // A module of the platform.
    }
    String name = path(packageName, relativeName);
    if (location == StandardLocation.CLASS_OUTPUT && classes.containsKey(name)) {
      return classes.get(name);
    }
    byte[] content = location == StandardLocation.CLASS_PATH ? classPath.resource(name) : null;
    if (content == null) {
      throw new FileNotFoundException(name);
    }
    return new MemoryFile(name, JavaFileObject.Kind.OTHER, content);
  }

  @Override
  public FileObject getFileForOutput(Location location, String packageName, String relativeName, FileObject sibling) {
    String name = path(packageName, relativeName);
    MemoryFile file = new MemoryFile(name, JavaFileObject.Kind.OTHER, null);
    (location == StandardLocation.SOURCE_OUTPUT ? generated : classes).put(name, file);
    return file;
  }

  @Override
  public void close() {
    // The platform's manager serves the next request.
  }
}
