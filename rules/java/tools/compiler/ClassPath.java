package rules.java.tools.compiler;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Enumeration;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import rules.java.tools.jars.UserError;

/** The jars that a compilation sees, each with the label of the target that it comes from. */
final class ClassPath {
  /** Enough for a large service; a jar that falls out is opened again. */
  private static final int OPEN_JARS = 2000;

  /** Jars that stay open between the requests of a worker, by path and digest. */
  private static final Map<String, Jar> CACHE = new LinkedHashMap<>(64, 0.75f, true);

  private final List<Jar> jars = new ArrayList<>();
  private final Map<String, String> owners = new HashMap<>();
  private final List<Jar> uncached = new ArrayList<>();

  /** An open jar with the index of its classes. */
  static final class Jar {
    final Path path;
    private final ZipFile zip;
    private final Map<String, List<String>> classesOfPackage = new HashMap<>();

    Jar(Path path) throws UserError, IOException {
      this.path = path;
      try {
        zip = new ZipFile(path.toFile());
      } catch (ZipException error) {
        throw UserError.damaged(path, error);
      }
      for (Enumeration<? extends ZipEntry> entries = zip.entries(); entries.hasMoreElements(); ) {
        String name = entries.nextElement().getName();
        if (name.endsWith(".class") && !name.startsWith("META-INF/")) {
          int slash = name.lastIndexOf('/');
          String folder = slash < 0 ? "" : name.substring(0, slash).replace('/', '.');
          classesOfPackage.computeIfAbsent(folder, key -> new ArrayList<>()).add(name);
        }
      }
    }

    private byte[] read(String name) throws IOException {
      try (InputStream stream = zip.getInputStream(zip.getEntry(name))) {
        return stream.readAllBytes();
      }
    }
  }

  /** A class file in a jar. */
  static final class ClassFile extends SimpleJavaFileObject {
    private final Jar jar;
    private final String name;

    ClassFile(Jar jar, String name) {
      super(URI.create("jar:///"), Kind.CLASS);
      this.jar = jar;
      this.name = name;
    }

    String binaryName() {
      return name.substring(0, name.length() - ".class".length()).replace('/', '.');
    }

    @Override
    public String getName() {
      return jar.path + "(" + name + ")";
    }

    @Override
    public URI toUri() {
      return URI.create("jar:" + jar.path.toUri() + "!/" + name.replace("$", "%24").replace(" ", "%20"));
    }

    @Override
    public boolean isNameCompatible(String simpleName, JavaFileObject.Kind kind) {
      return kind == Kind.CLASS && (name.equals(simpleName + ".class") || name.endsWith("/" + simpleName + ".class"));
    }

    @Override
    public InputStream openInputStream() throws IOException {
      return new ByteArrayInputStream(jar.read(name));
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof ClassFile && ((ClassFile) other).jar == jar && ((ClassFile) other).name.equals(name);
    }

    @Override
    public int hashCode() {
      return name.hashCode();
    }
  }

  /**
   * Adds a jar behind those that are there.
   *
   * @param path the jar
   * @param owner the label of the target that it comes from, or null if the compiled target names it in deps
   * @param digest the digest of the jar, or null if it is not known and the jar must be opened again
   */
  void add(Path path, String owner, String digest) throws UserError, IOException {
    if (owners.containsKey(path.toString())) {
      return;
    }
    owners.put(path.toString(), owner);
    String key = path + " " + digest;
    Jar jar = digest == null ? null : CACHE.get(key);
    if (jar == null) {
      jar = new Jar(path);
      if (digest == null) {
        uncached.add(jar);
      } else {
        CACHE.put(key, jar);
      }
    }
    jars.add(jar);
  }

  /** Closes what the next request must not find: jars without a digest, and those that were not used for longest. */
  void close() throws IOException {
    for (Jar jar : uncached) {
      jar.zip.close();
    }
    for (var oldest = CACHE.values().iterator(); CACHE.size() > OPEN_JARS; ) {
      oldest.next().zip.close();
      oldest.remove();
    }
  }

  /** Returns the classes of a package, the first jar's first. */
  List<JavaFileObject> list(String packageName) {
    List<JavaFileObject> files = new ArrayList<>();
    for (Jar jar : jars) {
      for (String name : jar.classesOfPackage.getOrDefault(packageName, List.of())) {
        files.add(new ClassFile(jar, name));
      }
    }
    return files;
  }

  /**
   * Returns the label of the target that must be added to deps to use a class.
   *
   * @param binaryName the class, with dots between packages
   * @return the label, or null if the class comes from a target in deps or from no jar
   */
  String missingOwner(String binaryName) {
    String name = binaryName.replace('.', '/') + ".class";
    int dot = binaryName.lastIndexOf('.');
    String packageName = dot < 0 ? "" : binaryName.substring(0, dot);
    for (Jar jar : jars) {
      if (jar.classesOfPackage.containsKey(packageName) && jar.zip.getEntry(name) != null) {
        return owners.get(jar.path.toString());
      }
    }
    return null;
  }

  /** Returns the content of a file of the first jar that has it, or null. */
  byte[] resource(String name) {
    for (Jar jar : jars) {
      if (jar.zip.getEntry(name) != null) {
        try {
          return jar.read(name);
        } catch (IOException error) {
          throw new UncheckedIOException(error);
        }
      }
    }
    return null;
  }
}
