package rules.java.tools.compiler;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TimeZone;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import rules.java.tools.jars.ClassParser;
import rules.java.tools.jars.JarReader;
import rules.java.tools.jars.JarWriter;

/** Tests of the compilation of one target. */
class CompilationTest {
  private Workshop workshop;

  @BeforeEach
  void makeWorkshop(@TempDir Path folder) {
    workshop = new Workshop(folder);
  }

  private void library(String name, String... more) throws Exception {
    String file = workshop.write(name + ".java", "package lib;", "public class " + name + " { public static class In { } }");
    assertTrue(workshop.compile(name, file, more), workshop.output);
  }

  /** A compile error has the file and line as javac prints them, and no jar is written. */
  @Test
  void errorsHaveTheLine() throws Exception {
    String file = workshop.write("Bad.java", "class Bad {", "  int x = \"text\";", "}");

    assertFalse(workshop.compile("bad", file));
    assertTrue(workshop.output.startsWith(file + ":2: error: incompatible types: String cannot be converted to int\n"), workshop.output);
    assertFalse(Files.exists(Path.of(workshop.path("bad.jar"))));
  }

  /** A class of a transitive dependency is an error with the place, the class and the label to add, once for each label. */
  @Test
  void missingDepsAreNamed() throws Exception {
    library("Far");
    String file = workshop.write("Near.java", "package near;", "", "import lib.Far;", "class Near {", "  Far far = new Far();", "  Far.In in;", "}");
    String jar = workshop.path("Far-hjar.jar");

    assertFalse(workshop.compile("near", file, "--transitive", "//a:b " + jar));
    assertEquals(file + ":3: error: lib.Far comes from //a:b, which is not a direct dependency. Add //a:b to deps of //x:near.\n", workshop.output);
    assertTrue(workshop.compile("near", file, "--direct", jar, "--transitive", "//a:b " + jar), workshop.output);
    assertTrue(workshop.compile("near", file, "--transitive", "//a:b " + jar, "--strict-deps", "off"), workshop.output);
  }

  /** Of generated classes, the error asks for a java_proto_library. */
  @Test
  void missingProtoDepsAreNamed() throws Exception {
    library("Far");
    String file = workshop.write("Near.java", "class Near extends lib.Far { }");

    assertFalse(workshop.compile("near", file, "--transitive", "proto=//a:b_proto " + workshop.path("Far-hjar.jar")));
    assertEquals(file + ":1: error: lib.Far comes from a java_proto_library of //a:b_proto, which is not a direct dependency."
        + " Add a java_proto_library of //a:b_proto to deps of //x:near.\n", workshop.output);
  }

  /** A class of the platform, of the target itself, or that only a dependency's signature names needs no label. */
  @Test
  void otherClassesNeedNoLabel() throws Exception {
    library("Far");
    String far = workshop.path("Far-hjar.jar");
    String middle = workshop.write("Middle.java", "package lib;", "public class Middle extends Far { public Far far() { return this; } }");
    assertTrue(workshop.compile("middle", middle, "--direct", far), workshop.output);
    String near = workshop.write("Near.java", "class Near { String s = String.valueOf(new lib.Middle().far().hashCode()); Near other; }");

    assertTrue(workshop.compile("near", near, "--direct", workshop.path("middle-hjar.jar"), "--transitive", "//a:b " + far), workshop.output);
  }

  /** The same sources give the same bytes, in another locale and time zone too. */
  @Test
  void bytesAreReproducible() throws Exception {
    library("Same");
    byte[] first = workshop.bytes("Same.jar");
    Locale locale = Locale.getDefault();
    TimeZone zone = TimeZone.getDefault();
    try {
      Locale.setDefault(Locale.forLanguageTag("tr-TR"));
      TimeZone.setDefault(TimeZone.getTimeZone("Asia/Kathmandu"));
      library("Same");
    } finally {
      Locale.setDefault(locale);
      TimeZone.setDefault(zone);
    }

    assertArrayEquals(first, workshop.bytes("Same.jar"));
  }

  /** Sources are UTF-8, and class files have the lines and the name of the source for stack traces. */
  @Test
  void sourcesAreUtf8AndDebuggable() throws Exception {
    assertTrue(workshop.compile("text", workshop.write("Text.java", "class Text { String s = \"Grüße \uD83D\uDE80\"; }")), workshop.output);

    ClassParser parsed = new ClassParser(read("text.jar", "Text.class"));
    assertTrue(ClassParser.attribute(parsed.attributes, "SourceFile") != null);
    assertTrue(workshop.files("text.jar").get("Text.class").contains("Grüße"));
  }

  private byte[] read(String jar, String name) throws Exception {
    try (JarReader reader = new JarReader(workshop.folder.resolve(jar))) {
      return reader.content(name);
    }
  }

  /** Classes and resources that an annotation processor writes are in the jar, its sources in a jar of their own. */
  @Test
  void processorsRun() throws Exception {
    String processor = workshop.write("Maker.java",
        "package maker;",
        "import javax.annotation.processing.*;",
        "import javax.lang.model.SourceVersion;",
        "@SupportedAnnotationTypes(\"*\")",
        "public class Maker extends AbstractProcessor {",
        "  private boolean done;",
        "  @Override public SourceVersion getSupportedSourceVersion() { return SourceVersion.latest(); }",
        "  @Override public boolean process(java.util.Set<? extends javax.lang.model.element.TypeElement> a, RoundEnvironment e) {",
        "    if (done) return false;",
        "    done = true;",
        "    System.out.println(\"the processor prints\");",
        "    try (java.io.Writer w = processingEnv.getFiler().createSourceFile(\"made.Made\").openWriter()) {",
        "      w.write(\"package made; public class Made { }\");",
        "    } catch (java.io.IOException error) { throw new java.io.UncheckedIOException(error); }",
        "    try (java.io.Writer w = processingEnv.getFiler().createResource(javax.tools.StandardLocation.CLASS_OUTPUT, \"\","
            + " \"META-INF/made.txt\").openWriter()) { w.write(\"made\"); }",
        "    catch (java.io.IOException error) { throw new java.io.UncheckedIOException(error); }",
        "    return false;",
        "  }",
        "}");
    assertTrue(workshop.compile("processor", processor), workshop.output);
    String user = workshop.write("User.java", "class User { made.Made made; }");

    assertTrue(workshop.compile("user", user, "--processor", "maker.Maker", "--processor-path", workshop.path("processor.jar"),
        "--generated-sources", workshop.path("user-gensrc.jar")), workshop.output);
    assertEquals("the processor prints\n", workshop.output);
    assertEquals(Set.of("META-INF/MANIFEST.MF", "META-INF/made.txt", "User.class", "made/Made.class"), workshop.files("user.jar").keySet());
    assertEquals(Map.of("made/Made.java", "package made; public class Made { }"), workshop.files("user-gensrc.jar"));
    assertTrue(workshop.files("user-hjar.jar").containsKey("made/Made.class"));
  }

  /** A processor that fails fails the target and shows its own error; the next compilation works. */
  @Test
  void missingProcessorsAreNamed() throws Exception {
    String file = workshop.write("Some.java", "class Some { }");

    assertFalse(workshop.compile("some", file, "--processor", "no.Such"));
    assertTrue(workshop.output.contains("error: Annotation processor 'no.Such' not found"), workshop.output);
    assertTrue(workshop.compile("some", file), workshop.output);
  }

  /** A wrong option of javacopts is named with the target. */
  @Test
  void wrongOptionsAreNamed() throws Exception {
    assertFalse(workshop.compile("some", workshop.write("Some.java", "class Some { }"), "--javacopt", "-Xnone"));
    assertEquals("ERROR: //x:some: javacopts: invalid flag: -Xnone\n", workshop.output);
  }

  /** Sources in a source jar are compiled, and an error names the jar and the file in it. */
  @Test
  void sourceJarsAreCompiled() throws Exception {
    JarWriter writer = new JarWriter();
    writer.add("in/Inside.java", "package in;\nclass Inside { int x = true; }\n".getBytes());
    writer.write(workshop.folder.resolve("all.srcjar"));

    assertFalse(workshop.run("compile", "--label", "//x:y", "--output", workshop.path("o.jar"), "--header", workshop.path("h.jar"),
        "--source-jar", workshop.path("all.srcjar")));
    assertTrue(workshop.output.startsWith(workshop.path("all.srcjar") + "!/in/Inside.java:2: error: incompatible types"), workshop.output);
  }

  /** Two resources for one place in the jar are an error. */
  @Test
  void resourcesMustDiffer() throws Exception {
    String one = workshop.write("one.txt", "one");
    String[] resources = {"--resource", "a/x.txt " + one, "--resource", "a/x.txt " + one};

    assertTrue(workshop.compile("res", workshop.write("R.java", "class R { }"), "--resource", "a/x.txt " + one), workshop.output);
    assertEquals("one\n", workshop.files("res.jar").get("a/x.txt"));
    assertFalse(workshop.compile("res", workshop.write("R.java", "class R { }"), resources));
    assertEquals("ERROR: //x:res: resources: two files go to a/x.txt in the jar. Remove one of them.\n", workshop.output);
  }

  /** In a worker, a jar whose digest is another one is read again, and one with the same digest is not. */
  @Test
  void jarsAreReadAgainWhenTheyChange() throws Exception {
    List<String> results = new ArrayList<>();
    String user = workshop.write("User.java", "class User { int x = lib.Value.X; }");
    for (String type : List.of("int", "String", "int")) {
      String value = type.equals("int") ? "1" : "\"one\"";
      assertTrue(workshop.compile("value", workshop.write("Value.java", "package lib;", "public class Value { public static final " + type
          + " X = " + value + "; }")), workshop.output);
      String jar = workshop.path("value-hjar.jar");
      boolean compiled = workshop.run(Map.of(jar, type), "compile", "--label", "//x:user", "--output", workshop.path("u.jar"), "--header",
          workshop.path("uh.jar"), "--source", user, "--direct", jar);
      results.add(type + " " + compiled);
    }

    assertEquals(List.of("int true", "String false", "int true"), results);
  }
}
