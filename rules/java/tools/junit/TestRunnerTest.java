package rules.java.tools.junit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Collectors;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Disabled;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

/** Tests of the runner on classes of its own, which the runner of this test does not see. */
class TestRunnerTest {
  @TempDir Path folder;
  private final Map<String, String> environment = new HashMap<>();
  private String output = "";

  /** Tests with every result. */
  static class Mixed {
    @Test
    void passes() {}

    @Test
    void fails() {
      assertEquals("a<b>\u0001", "c");
    }

    @Test
    void throwsError() {
      throw new IllegalStateException("broken & bad");
    }

    @Test
    @Disabled("not now")
    void disabled() {}

    @Test
    void assumes() {
      Assumptions.assumeTrue(false, "no such machine");
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void takes(int number) {
      assertTrue(number > 0);
    }
  }

  /** Five tests that pass. */
  static class Five {
    @Test
    void a() {}

    @Test
    void b() {}

    @Test
    void c() {}

    @Test
    void d() {}

    @Test
    void e() {}
  }

  /** A class without tests. */
  static class Empty {
    void notATest() {}
  }

  /** A class whose set-up fails. */
  static class BrokenSetUp {
    @BeforeAll
    static void setUp() {
      throw new IllegalStateException("no database");
    }

    @Test
    void neverRuns() {}
  }

  private int run(Class<?> type) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    environment.put("XML_OUTPUT_FILE", folder.resolve("test.xml").toString());
    int code = TestRunner.run(List.of(type.getName()), environment, new PrintStream(bytes, true, StandardCharsets.UTF_8));
    output = bytes.toString(StandardCharsets.UTF_8);
    return code;
  }

  /** Returns the result of each case of the XML by its name. */
  private Map<String, String> cases() throws Exception {
    Map<String, String> cases = new HashMap<>();
    NodeList nodes = DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(folder.resolve("test.xml").toFile())
        .getElementsByTagName("testcase");
    for (int i = 0; i < nodes.getLength(); i++) {
      Element element = (Element) nodes.item(i);
      Element result = (Element) element.getFirstChild();
      cases.put(element.getAttribute("name"), result == null ? "passed" : result.getTagName() + " " + result.getAttribute("message"));
    }
    return cases;
  }

  /** The XML has a case for each test and each invocation, with its result; the output has the failures and the counts. */
  @Test
  void reportsEachCase() throws Exception {
    assertEquals(1, run(Mixed.class));

    assertEquals(Map.of("passes", "passed", "fails", "failure expected: <a<b>\ufffd> but was: <c>", "throwsError", "error broken & bad",
        "disabled", "skipped not now",
        "assumes", "skipped Assumption failed: no such machine", "takes [1] 1", "passed", "takes [2] 2", "passed"), cases());
    assertTrue(output.contains("\n3 passed, 2 failed, 2 skipped in "), output);
    assertTrue(output.contains("TestRunnerTest$Mixed#throwsError\njava.lang.IllegalStateException: broken & bad\n\tat rules.java."), output);
    assertFalse(output.contains("org.junit.platform.engine"), output);
  }

  /** Shards run each test once, and say that they shard. */
  @Test
  void shardsShareTheTests() throws Exception {
    TreeSet<String> all = new TreeSet<>();
    int count = 0;
    for (int index = 0; index < 3; index++) {
      environment.putAll(Map.of("TEST_TOTAL_SHARDS", "3", "TEST_SHARD_INDEX", "" + index, "TEST_SHARD_STATUS_FILE", folder.resolve("s" + index).toString()));
      assertEquals(0, run(Five.class), output);
      assertTrue(Files.exists(folder.resolve("s" + index)));
      count += cases().size();
      all.addAll(cases().keySet());
    }

    assertEquals(5, count);
    assertEquals(List.of("a", "b", "c", "d", "e"), List.copyOf(all));
  }

  /** A shard without tests passes. */
  @Test
  void emptyShardsPass() throws Exception {
    environment.putAll(Map.of("TEST_TOTAL_SHARDS", "9", "TEST_SHARD_INDEX", "8"));

    assertEquals(0, run(Five.class), output);
    assertEquals(Map.of(), cases());
  }

  /** A filter takes a class, a class and a method, or a regular expression. */
  @ParameterizedTest
  @ValueSource(strings = {
    "rules.java.tools.junit.TestRunnerTest$Five=abcde",
    "rules.java.tools.junit.TestRunnerTest$Five#b=b",
    "Five#(a|c)$=ac",
    "#[de]$=de",
  })
  void filters(String filterAndNames) throws Exception {
    int equals = filterAndNames.indexOf('=');
    environment.put("TESTBRIDGE_TEST_ONLY", filterAndNames.substring(0, equals));

    assertEquals(0, run(Five.class), output);
    assertEquals(filterAndNames.substring(equals + 1), new TreeSet<>(cases().keySet()).stream().collect(Collectors.joining()));
  }

  /** A filter that matches nothing, or is no regular expression, is an error. */
  @Test
  void wrongFiltersAreErrors() {
    environment.put("TESTBRIDGE_TEST_ONLY", "nothing");
    assertEquals(1, run(Five.class));
    assertTrue(output.startsWith("ERROR: --test_filter=nothing matches no test of rules.java.tools.junit.TestRunnerTest$Five. The tests are "), output);

    environment.put("TESTBRIDGE_TEST_ONLY", "(");
    assertEquals(1, run(Five.class));
    assertTrue(output.startsWith("ERROR: --test_filter=( is not a regular expression (Unclosed group). "), output);
  }

  /** A class without tests is an error. */
  @Test
  void classesNeedTests() {
    assertEquals(1, run(Empty.class));
    assertTrue(output.startsWith("ERROR: rules.java.tools.junit.TestRunnerTest$Empty has no tests. Annotate its methods with "), output);
  }

  /** A set-up that fails is a case of its own. */
  @Test
  void setUpsAreReported() throws Exception {
    assertEquals(1, run(BrokenSetUp.class));
    assertTrue(cases().containsValue("error no database"), cases().toString());
  }

  /** A class that does not exist is an error. */
  @Test
  void classesMustExist() {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();

    assertEquals(1, TestRunner.run(List.of("no.Such"), environment, new PrintStream(bytes, true)));
    assertEquals("ERROR: test_class is no.Such, which is not in srcs, deps or runtime_deps. Set it to a class with tests.\n", bytes.toString());
  }

  /** The file that marks an early exit is there while tests run, and gone after them. */
  @Test
  void earlyExitsCanBeSeen() throws Exception {
    Path mark = folder.resolve("exit");
    environment.put("TEST_PREMATURE_EXIT_FILE", mark.toString());
    Exits.mark = mark;

    assertEquals(0, run(Exits.class), output);
    assertFalse(Files.exists(mark));
  }

  /** Looks for the file. */
  static class Exits {
    static Path mark;

    @Test
    void isThere() {
      assertTrue(Files.exists(mark));
    }
  }

  /** A test that calls System.exit(0) fails, and the output and the XML name it. */
  @Test
  void exitsFail() throws Exception {
    Process process = start(ExitsEarly.class);

    assertEquals(1, process.waitFor());
    assertTrue(output(process).contains("ERROR: a test called System.exit: " + ExitsEarly.class.getName() + "#leaves was running"));
    assertEquals(Map.of("leaves", "error a test called System.exit"), cases());
  }

  /** A test that Bazel stops is named in the output and in the XML, with the stacks of all threads. */
  @Test
  void stoppedTestsAreNamed() throws Exception {
    Process process = start(Sleeps.class);
    int first = process.getInputStream().read();
    process.toHandle().destroy(); // Process.destroy would close the stream.

    assertEquals('.', first);
    assertEquals(1, process.waitFor());
    String text = output(process);
    assertTrue(text.contains("ERROR: the tests were stopped before they ended: " + Sleeps.class.getName() + "#sleeps was running"), text);
    assertTrue(text.contains(Sleeps.class.getName() + ".sleeps("), text);
    assertEquals(Map.of("sleeps", "error the tests were stopped before they ended"), cases());
  }

  private Process start(Class<?> type) throws Exception {
    String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    ProcessBuilder builder = new ProcessBuilder(Arrays.asList(java, "-cp", System.getProperty("java.class.path"), TestRunner.class.getName(), type.getName()));
    builder.environment().keySet().removeIf(name -> name.startsWith("TEST"));
    builder.environment().put("XML_OUTPUT_FILE", folder.resolve("test.xml").toString());
    return builder.redirectErrorStream(true).start();
  }

  private static String output(Process process) throws Exception {
    return new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
  }

  /** Exits in a test. */
  static class ExitsEarly {
    @Test
    void leaves() {
      System.exit(0);
    }
  }

  /** Does not end. */
  static class Sleeps {
    @Test
    void sleeps() throws Exception {
      System.out.print('.');
      System.out.flush();
      Thread.sleep(600_000);
    }
  }
}
