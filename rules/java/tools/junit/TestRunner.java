package rules.java.tools.junit;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.platform.commons.JUnitException;
import org.junit.platform.engine.discovery.DiscoverySelectors;
import org.junit.platform.launcher.Launcher;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.TestPlan;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

/**
 * Runs the tests of classes on the JUnit Platform as Bazel asks for it.
 *
 * <p>It follows Bazel's test encyclopedia: sharding, {@code --test_filter}, the XML with a case for each test, and the file that
 * tells a test that exits by itself from one that ended.
 */
public final class TestRunner {
  private static final int FAILED = 1;

  private TestRunner() {}

  /** Runs the tests of the classes that are the arguments, and exits with 1 if one fails. */
  public static void main(String[] classes) {
    System.exit(run(Arrays.asList(classes), System.getenv(), System.out));
  }

  /**
   * Runs the tests of classes.
   *
   * @param classes the names of the classes
   * @param environment the variables that Bazel sets
   * @param output what the user sees
   * @return the exit code
   */
  static int run(List<String> classes, Map<String, String> environment, PrintStream output) {
    if (environment.containsKey("TEST_TMPDIR")) {
      System.setProperty("java.io.tmpdir", environment.get("TEST_TMPDIR"));
    }
    Path exitFile = path(environment, "TEST_PREMATURE_EXIT_FILE");
    try {
      if (exitFile != null) {
        Files.writeString(exitFile, "");
      }
      Sharding sharding = Sharding.of(environment);
      int code = execute(classes, environment, sharding, output);
      if (exitFile != null) {
        Files.deleteIfExists(exitFile);
      }
      return code;
    } catch (TestError error) {
      output.println("ERROR: " + error.getMessage());
    } catch (IOException error) {
      output.println("ERROR: a file that Bazel names cannot be written: " + error);
    } catch (JUnitException | LinkageError error) {
      output.println("ERROR: JUnit cannot run " + String.join(", ", classes) + ": " + rootCause(error) + ". The jars of JUnit must fit each"
          + " other: use one version, and add its engine to runtime_deps if it is not the one of the Java rules.");
      error.printStackTrace(output);
    }
    return FAILED;
  }

  private static Throwable rootCause(Throwable error) {
    return error.getCause() == null ? error : rootCause(error.getCause());
  }

  private static Path path(Map<String, String> environment, String name) {
    String value = environment.getOrDefault(name, "");
    return value.isEmpty() ? null : Path.of(value);
  }

  private static int execute(List<String> classes, Map<String, String> environment, Sharding sharding, PrintStream output)
      throws TestError, IOException {
    LauncherDiscoveryRequestBuilder builder = LauncherDiscoveryRequestBuilder.request();
    for (String name : classes) {
      builder.selectors(DiscoverySelectors.selectClass(load(name)));
    }
    Launcher launcher = LauncherFactory.create();
    Selection selection = Selection.of(launcher.discover(builder.build()), classes, environment.get("TESTBRIDGE_TEST_ONLY"), sharding);
    LauncherDiscoveryRequest request = builder.filters(selection).build();
    TestPlan plan = launcher.discover(request);
    Report report = new Report(plan, output, path(environment, "XML_OUTPUT_FILE"), classes.get(0));
    Thread interrupted = new Thread(report::interrupted);
    Runtime.getRuntime().addShutdownHook(interrupted);
    if (plan.countTestIdentifiers(TestIdentifier::isTest) > 0 || plan.containsTests()) {
      launcher.execute(request, report);
    }
    boolean passed = report.finish();
    Runtime.getRuntime().removeShutdownHook(interrupted);
    return passed ? 0 : FAILED;
  }

  private static Class<?> load(String name) throws TestError {
    try {
      return Class.forName(name, false, TestRunner.class.getClassLoader());
    } catch (ClassNotFoundException error) {
      throw new TestError("test_class is " + name + ", which is not in srcs, deps or runtime_deps. Set it to a class with tests.");
    }
  }
}
