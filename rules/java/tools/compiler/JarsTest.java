package rules.java.tools.compiler;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.jar.JarFile;
import java.util.jar.JarInputStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import rules.java.tools.jars.JarWriter;

/** Tests of the jars that the tool writes: order, merging, sources and main classes. */
class JarsTest {
  private Workshop workshop;

  @BeforeEach
  void makeWorkshop(@TempDir Path folder) {
    workshop = new Workshop(folder);
  }

  private String zip(String name, Map<String, String> files) throws Exception {
    try (OutputStream file = Files.newOutputStream(workshop.folder.resolve(name)); ZipOutputStream zip = new ZipOutputStream(file)) {
      for (Map.Entry<String, String> each : files.entrySet()) {
        zip.putNextEntry(new ZipEntry(each.getKey()));
        zip.write(each.getValue().getBytes());
        zip.closeEntry();
      }
    }
    return workshop.path(name);
  }

  /** Entries are sorted with META-INF and the manifest first, each folder has an entry, and a file is the same whatever the order. */
  @Test
  void entriesAreSorted() throws Exception {
    List<String> names = new ArrayList<>(List.of("b/c/D.class", "a.txt", "META-INF/x", "META-INF/MANIFEST.MF", "b/A.class"));
    for (String file : List.of("one.jar", "two.jar")) {
      JarWriter jar = new JarWriter();
      names.forEach(name -> jar.add(name, name.getBytes()));
      jar.write(workshop.folder.resolve(file));
      Collections.reverse(names);
    }
    List<String> read = new ArrayList<>();
    try (ZipFile zip = new ZipFile(workshop.path("one.jar"))) {
      zip.stream().forEach(entry -> read.add(entry.getName()));
    }

    assertArrayEquals(workshop.bytes("one.jar"), workshop.bytes("two.jar"));
    assertEquals(List.of("META-INF/", "META-INF/MANIFEST.MF", "META-INF/x", "a.txt", "b/", "b/A.class", "b/c/", "b/c/D.class"), read);
  }

  /** A jar with more than 65,535 entries can be read. */
  @Test
  void manyEntriesFit() throws Exception {
    JarWriter jar = new JarWriter();
    for (int i = 0; i < 70_000; i++) {
      jar.add("f" + i, new byte[0]);
    }
    jar.write(workshop.folder.resolve("many.jar"));

    try (ZipFile zip = new ZipFile(workshop.path("many.jar"))) {
      assertEquals(70_000, zip.size());
    }
  }

  /** A manifest value longer than a line is read whole. */
  @Test
  void longManifestLinesAreWrapped() throws Exception {
    String value = "ä long value ".repeat(20).strip();
    JarWriter jar = new JarWriter();
    jar.manifest(Map.of("Main-Class", value));
    jar.write(workshop.folder.resolve("long.jar"));

    try (JarInputStream stream = new JarInputStream(Files.newInputStream(workshop.folder.resolve("long.jar")))) {
      assertEquals(value, stream.getManifest().getMainAttributes().getValue("Main-Class"));
    }
  }

  /** The deploy jar joins services, keeps the first of two files, and drops signatures and module descriptors. */
  @Test
  void deployJarsMerge() throws Exception {
    String one = zip("one.jar", Map.of("a.txt", "first ".repeat(50), "META-INF/services/s", "One", "META-INF/K.RSA", "x", "module-info.class", "m"));
    String two = zip("two.jar", Map.of("a.txt", "second", "b.txt", "b", "META-INF/services/s", "Two\n",
        "META-INF/MANIFEST.MF", "Manifest-Version: 1.0\nMulti-Release: true\n\n"));

    assertTrue(workshop.run("deploy", "--output", workshop.path("d.jar"), "--main-class", "x.Main", "--jar", one, "--jar", two), workshop.output);
    Map<String, String> files = workshop.files("d.jar");
    assertEquals("first ".repeat(50), files.get("a.txt"));
    assertEquals("b", files.get("b.txt"));
    assertEquals("One\nTwo\n", files.get("META-INF/services/s"));
    assertEquals(4, files.size(), files.keySet().toString());
    try (JarFile jar = new JarFile(workshop.path("d.jar"))) {
      assertEquals("x.Main", jar.getManifest().getMainAttributes().getValue("Main-Class"));
      assertTrue(jar.isMultiRelease());
    }
  }

  /** In a source jar, each file is in the folder of its package. */
  @Test
  void sourcesAreInTheirPackage() throws Exception {
    String named = workshop.write("any/folder/A.java", "/* package wrong; */", "package a.b;", "class A { }");
    String unnamed = workshop.write("B.java", "class B { }");

    assertTrue(workshop.run("source", "--output", workshop.path("s.jar"), "--source", named, "--source", unnamed), workshop.output);
    assertEquals("[B.java, META-INF/MANIFEST.MF, a/b/A.java]", workshop.files("s.jar").keySet().toString());
  }

  /** A main class that is missing or cannot be started is an error that proposes those that can. */
  @Test
  void mainClassesAreChecked() throws Exception {
    String file = workshop.write("P.java", "package p;", "public class P { public static void main(String[] args) { } }", "class Q extends P { }",
        "class R { void main(String[] args) { } }");
    assertTrue(workshop.compile("p", file), workshop.output);
    String[] check = {"main-class", "--label", "//x:p", "--attribute", "main_class", "--jar", workshop.path("p.jar"), "--output",
        workshop.path("ok"), "--class", ""};

    for (String good : List.of("p.P", "p.Q")) {
      check[check.length - 1] = good;
      assertTrue(workshop.run(check), workshop.output);
    }
    check[check.length - 1] = "p.Gone";
    assertFalse(workshop.run(check));
    assertEquals("ERROR: //x:p: main_class is p.Gone, which is not in srcs, deps or runtime_deps. Set it to p.P.\n", workshop.output);
    check[check.length - 1] = "p.R";
    assertFalse(workshop.run(check));
    assertEquals("ERROR: //x:p: main_class is p.R, which has no method `public static void main(String[] args)`. Set it to p.P.\n",
        workshop.output);
  }
}
