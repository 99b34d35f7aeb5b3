package rules.java.tools.compiler;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TimeZone;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import rules.java.tools.jars.Arguments;
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

    assertFalse(workshop.compile("near", file, "--transitive", jar, "--owner", "//a:b"));
    assertEquals(file + ":3: error: lib.Far comes from //a:b, which is not a direct dependency. Add //a:b to deps of //x:near.\n", workshop.output);
    assertTrue(workshop.compile("near", file, "--direct", jar, "--transitive", jar, "--owner", "//a:b"), workshop.output);
    assertTrue(workshop.compile("near", file, "--transitive", jar, "--owner", "//a:b", "--strict-deps", "off"), workshop.output);
  }

  /** Of generated classes, the error asks for a java_proto_library. */
  @Test
  void missingProtoDepsAreNamed() throws Exception {
    library("Far");
    String file = workshop.write("Near.java", "class Near extends lib.Far { }");

    assertFalse(workshop.compile("near", file, "--transitive", workshop.path("Far-hjar.jar"), "--owner",
        "proto=//a:b_proto"));
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
    String near = workshop.write("Near.java", "class Near {",
        "  String s = String.valueOf(new lib.Middle().far().hashCode()); Near other;",
        "  void inferred() { var far = new lib.Middle().far(); java.util.List.of(far).forEach(each -> each.hashCode()); }",
        "}");

    assertTrue(workshop.compile("near", near, "--direct", workshop.path("middle-hjar.jar"), "--transitive", far, "--owner", "//a:b"),
        workshop.output);
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
        // Immutables asks for files that it may not write.
        "    try { processingEnv.getFiler().createResource(javax.tools.StandardLocation.CLASS_OUTPUT, \"\", \"META-INF/unwritten\"); }",
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

  /** A folder is not a resource. */
  @Test
  void foldersAreNotResources() throws Exception {
    String folder = workshop.folder.toString();

    assertFalse(workshop.compile("res", workshop.write("R.java", "class R { }"), "--resource", folder, "--resource-name", "a"));
    assertEquals("ERROR: //x:res: resources: " + folder + " is a folder. Name the files in it, for example with glob.\n", workshop.output);
  }

  /** An option that the rules set themselves is refused, in either form. */
  @ParameterizedTest
  @ValueSource(strings = {"-d", "-cp", "--class-path=x.jar", "-processorpath", "-h", "-proc:only"})
  void optionsOfTheRulesAreRefused(String option) throws Exception {
    assertFalse(workshop.compile("some", workshop.write("Some.java", "class Some { }"), "--javacopt", option));
    assertEquals("ERROR: //x:some: javacopts has " + option + ", which the rules set. Remove it; deps are the class path, and plugins the"
        + " processors.\n", workshop.output);
  }

  /** What one target's options say about the platform and the encoding is not true of the next target. */
  @Test
  void optionsEndWithTheirTarget() throws Exception {
    String latin = workshop.path("Latin.java");
    Files.write(Path.of(latin), "class Latin { String s = \"gr\u00fc\u00dfe\"; }".getBytes(StandardCharsets.ISO_8859_1));
    String patch = workshop.write("patch/java/util/Extra.java", "package java.util;", "public class Extra { }");
    String user = workshop.write("User.java", "class User { java.util.Extra extra; }");
    String[] patched = {"--javacopt", "--patch-module", "--javacopt", "java.base=" + Path.of(patch).getParent().getParent().getParent()};

    assertTrue(workshop.compile("latin", latin, "--javacopt", "-encoding", "--javacopt", "ISO-8859-1"), workshop.output);
    assertTrue(workshop.files("latin.jar").get("Latin.class").contains("grüße"));
    assertFalse(workshop.compile("latin", latin));
    assertTrue(workshop.output.startsWith(latin + ":1: error: unmappable character (0xFC) for encoding UTF-8"), workshop.output);
    workshop.compile("user", user, patched);
    assertFalse(workshop.compile("user", user));
    assertTrue(workshop.output.startsWith(user + ":1: error: cannot find symbol"), workshop.output);
  }

  /** Each way to name an older Java gives its class files, also without modules. */
  @ParameterizedTest
  @CsvSource({"--release 11,55", "--release=8,52", "-source 8 -target 8,52", "--source 11 --target 11,55"})
  void olderJavaCanBeCompiledFor(String options, int version) throws Exception {
    List<String> arguments = new ArrayList<>();
    for (String option : options.split(" ")) {
      arguments.addAll(List.of("--javacopt", option));
    }

    String file = workshop.write("Old.java", "class Old extends java.util.ArrayList<String> { }");
    assertTrue(workshop.compile("old", file, arguments.toArray(String[]::new)), workshop.output);
    assertEquals(version, new ClassParser(read("old.jar", "Old.class")).version & 0xffff);
  }

  /** An expression that overflows javac's stack is one sentence. */
  @Test
  void deepExpressionsAreOneSentence() throws Exception {
    String file = workshop.write("Deep.java", "class Deep { int x = " + "(".repeat(20000) + "1" + ")".repeat(20000) + "; }");

    assertFalse(workshop.compile("deep", file));
    assertEquals("ERROR: //x:deep: javac ran out of stack, because an expression or a type in srcs is nested too deeply. Split it into several"
        + " statements.\n", workshop.output);
  }

  /** A processor that throws is named as the cause, with its own frames and none of the compiler's. */
  @Test
  void failingProcessorsAreNamed() throws Exception {
    assertTrue(workshop.compile("processor", workshop.write("Fails.java", "package maker;", "import javax.annotation.processing.*;",
        "@SupportedAnnotationTypes(\"*\")",
        "public class Fails extends AbstractProcessor {",
        "  @Override public boolean process(java.util.Set<? extends javax.lang.model.element.TypeElement> a, RoundEnvironment e) {",
        "    throw new IllegalStateException(\"broken\");",
        "  }",
        "}")), workshop.output);

    assertFalse(workshop.compile("some", workshop.write("Some.java", "class Some { }"), "--processor", "maker.Fails", "--processor-path",
        workshop.path("processor.jar")));
    assertTrue(workshop.output.endsWith("ERROR: //x:some: an annotation processor failed. Report the exception to its authors, or remove it from"
        + " plugins:\njava.lang.IllegalStateException: broken\n\tat maker.Fails.process(Fails.java:6)\n"), workshop.output);
  }

  /** Text arrives unchanged, encoded once or twice. */
  @Test
  void argumentsAreDecoded() throws Exception {
    List<String> given = List.of("--label", "//a:é 日本", "--encoding", "é");
    List<String> twice = new ArrayList<>();
    given.forEach(each -> twice.add(new String(each.getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1)));
    String file = workshop.write("args", twice.toArray(String[]::new));

    assertEquals(given.subList(0, 2), Arguments.expand(given));
    assertEquals(given.subList(0, 2), Arguments.expand(twice));
    assertEquals(given.subList(0, 2), Arguments.expand(List.of("@" + file)));
    assertEquals(twice.subList(0, 2), Arguments.expand(twice.subList(0, 2)));
  }

  /** A source that changes within the same second, and keeps its length, is read again. */
  @Test
  void changedSourcesAreReadAgain() throws Exception {
    String file = workshop.write("Same.java", "class Same { int x = 1; }");
    FileTime time = Files.getLastModifiedTime(Path.of(file));
    assertTrue(workshop.compile("same", file), workshop.output);
    byte[] before = workshop.bytes("same.jar");
    workshop.write("Same.java", "class Same { int x = 2; }");
    Files.setLastModifiedTime(Path.of(file), time);

    assertTrue(workshop.compile("same", file), workshop.output);
    assertFalse(Arrays.equals(before, workshop.bytes("same.jar")));
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
    String[] resources = {"--resource", one, "--resource-name", "a/x.txt", "--resource", one, "--resource-name", "a/x.txt"};

    assertTrue(workshop.compile("res", workshop.write("R.java", "class R { }"), "--resource", one, "--resource-name", "a b/ö.txt"), workshop.output);
    assertEquals("one\n", workshop.files("res.jar").get("a b/ö.txt"));
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
