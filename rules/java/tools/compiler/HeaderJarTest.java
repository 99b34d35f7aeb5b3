package rules.java.tools.compiler;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import rules.java.tools.jars.JarReader;
import rules.java.tools.jars.JarWriter;

/** Tests of header jars: what changes them, and that dependents compile against them. */
class HeaderJarTest {
  private static final String[] SAMPLE = {
    "package sample;",
    "import java.util.*;",
    "public class Sample<T extends Comparable<T>> {",
    "  public static final int LIMIT = 10;",
    "  private int secret = 1;",
    "  protected final Map.Entry<String, T> entry = null;",
    "  public enum Color { RED, GREEN }",
    "  public record Point(int x, @Deprecated int y) { }",
    "  public interface Shape { default int sides() { return 4; } }",
    "  public static class Inner { class Deep { } }",
    "  @Deprecated public List<? super T> all(T first) throws java.io.IOException { return null; }",
    "  private void helper() { }",
    "}",
  };

  private Workshop workshop;
  private byte[] before;

  @BeforeEach
  void compile(@TempDir Path folder) throws Exception {
    workshop = new Workshop(folder);
    before = workshop.header(SAMPLE);
  }

  private static String[] changed(int line, String text) {
    String[] lines = SAMPLE.clone();
    lines[line] = text;
    return lines;
  }

  /** What dependents cannot see changes no byte: bodies, private members, lambdas, local and anonymous classes, assertions, lines. */
  @ParameterizedTest
  @ValueSource(strings = {
    "private void helper() { System.out.println(LIMIT); }",
    "private long other(int a) { return a; }",
    "private void helper() { Runnable r = () -> entry.getKey(); r.run(); new Thread() { }.start(); }",
    "private void helper() { class Local { } new Local(); assert secret > 0 : new AbstractMap.SimpleEntry<>(1, 2); }",
    "private void helper() { switch (Color.RED) { case RED: break; default: throw new IllegalStateException(); } }",
    "private void helper() { String s = switch (secret) { case 1 -> \"a\" + secret; default -> null; }; Locale.Category c = null; }",
    "static { System.out.println(); } { secret = 2; }",
    "\n\n\n // A comment \n",
  })
  void bodiesAreNotInIt(String member) throws Exception {
    assertArrayEquals(before, workshop.header(changed(11, member)));
  }

  /** What dependents can see changes it. */
  @ParameterizedTest
  @ValueSource(strings = {
    "3:public static final int LIMIT = 11;",
    "5:protected final Map.Entry<String, String> entry = null;",
    "6:public enum Color { RED, BLUE }",
    "7:public record Point(int x, int y) { }",
    "7:public record Point(int x, @Deprecated long y) { }",
    "8:public interface Shape { int sides(); }",
    "9:public static class Inner { public class Deep { } }",
    "10:public List<? super T> all(T first) throws java.io.IOException { return null; }",
    "10:@Deprecated public List<? extends T> all(T first) throws java.io.IOException { return null; }",
    "10:@Deprecated public List<? super T> all(T first) { return null; }",
    "11:void helper() { }",
    "2:public abstract class Sample<T extends Comparable<T>> {",
  })
  void signaturesAreInIt(String change) throws Exception {
    int colon = change.indexOf(':');
    assertFalse(Arrays.equals(before, workshop.header(changed(Integer.parseInt(change.substring(0, colon)), change.substring(colon + 1)))));
  }

  /** A dependent that uses generics, constants, enums, records, inner classes, bridges and annotations compiles against it. */
  @Test
  void dependentsCompile() throws Exception {
    String user = workshop.write("User.java",
        "package user;",
        "import sample.Sample;",
        "class User extends Sample<String> {",
        "  @SuppressWarnings(\"deprecation\") Object use() throws Exception {",
        "    switch (3) { case Sample.LIMIT: break; }",
        "    Sample.Point point = new Sample.Point(1, 2);",
        "    Sample.Shape shape = new Sample.Shape() { };",
        "    return all(entry.getValue()).size() + point.x() + shape.sides() + Sample.Color.valueOf(\"RED\").name() + new Sample.Inner();",
        "  }",
        "}");

    assertTrue(workshop.compile("user", user, "--direct", workshop.path("header-hjar.jar")), workshop.output);
  }

  /** The header jar of a compiled jar is the one that its compilation wrote. */
  @Test
  void importedJarsGetTheSame() throws Exception {
    assertTrue(workshop.run("header", "--jar", workshop.path("header.jar"), "--output", workshop.path("imported.jar")), workshop.output);

    assertArrayEquals(before, workshop.bytes("imported.jar"));
  }

  /** A file that is not a jar is named. */
  @Test
  void otherFilesAreNamed() throws Exception {
    String text = workshop.write("text.jar", "no jar");

    assertFalse(workshop.run("header", "--jar", text, "--output", workshop.path("out.jar")));
    assertEquals("ERROR: " + text + " is damaged or not a jar (zip END header not found). Replace it.\n", workshop.output);
  }

  /** A jar with a damaged file is named. */
  @Test
  void damagedFilesAreNamed() throws Exception {
    Path jar = workshop.folder.resolve("damaged.jar");
    try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(jar))) {
      zip.putNextEntry(new ZipEntry("a/A.class"));
      zip.write(new byte[5000]);
    }
    byte[] bytes = Files.readAllBytes(jar);
    Arrays.fill(bytes, 40, 55, (byte) 0xff);
    Files.write(jar, bytes);

    assertFalse(workshop.run("header", "--jar", jar.toString(), "--output", workshop.path("out.jar")));
    assertTrue(workshop.output.matches("ERROR: \\S+/damaged.jar is damaged or not a jar \\([^\n]+\\). Replace it.\n"), workshop.output);
  }

  /** A class file that cannot be understood is passed on as it is, and only its users see javac's error. */
  @Test
  void damagedClassesArePassedOn() throws Exception {
    byte[] broken = {(byte) 0xca, (byte) 0xfe, (byte) 0xba, (byte) 0xbe, 0, 0, 0, 61, 0, 2, 7, 0, 9, 0, 0, 0, 9, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0};
    JarWriter writer = new JarWriter();
    writer.add("a/A.class", broken);
    writer.write(workshop.folder.resolve("broken.jar"));

    assertTrue(workshop.run("header", "--jar", workshop.path("broken.jar"), "--output", workshop.path("out.jar")), workshop.output);
    try (JarReader reader = new JarReader(workshop.folder.resolve("out.jar"))) {
      assertArrayEquals(broken, reader.content("a/A.class"));
    }
  }
}
