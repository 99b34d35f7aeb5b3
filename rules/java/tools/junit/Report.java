package rules.java.tools.junit;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.TestSource;
import org.junit.platform.engine.support.descriptor.ClassSource;
import org.junit.platform.engine.support.descriptor.MethodSource;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.TestPlan;

/** Follows the tests, prints failures, and writes the XML. Tests may run in parallel. */
final class Report implements TestExecutionListener {
  private final TestPlan plan;
  private final PrintStream output;
  private final Path xml;
  private final String suite;
  private final long started = System.nanoTime();
  private final Map<TestIdentifier, Long> running = Collections.synchronizedMap(new LinkedHashMap<>());
  private final List<TestCase> cases = Collections.synchronizedList(new ArrayList<>());
  private volatile boolean finished;

  /**
   * A report.
   *
   * @param plan the tests
   * @param output what the user sees
   * @param xml the file for Bazel, or null
   * @param suite the name of the suite in that file
   */
  Report(TestPlan plan, PrintStream output, Path xml, String suite) {
    this.plan = plan;
    this.output = output;
    this.xml = xml;
    this.suite = suite;
  }

  @Override
  public void executionStarted(TestIdentifier test) {
    running.put(test, System.nanoTime());
  }

  @Override
  public void executionFinished(TestIdentifier test, TestExecutionResult result) {
    Long start = running.remove(test);
    double seconds = (System.nanoTime() - (start == null ? System.nanoTime() : start)) / 1e9;
    Throwable error = result.getThrowable().orElse(null);
    boolean failed = result.getStatus() == TestExecutionResult.Status.FAILED;
    if (!test.isTest() && !failed) {
      return;
    }
    // A container that fails has no case of its own for its @BeforeAll or @AfterAll.
    String name = test.isTest() ? name(test) : name(test) + " (set-up or clean-up)";
    if (failed) {
      cases.add(TestCase.failed(className(test), name, seconds, error));
    } else if (result.getStatus() == TestExecutionResult.Status.ABORTED) {
      String reason = error == null || error.getMessage() == null ? "aborted" : error.getMessage();
      cases.add(TestCase.skipped(className(test), name, seconds, reason));
    } else {
      cases.add(TestCase.passed(className(test), name, seconds));
    }
  }

  @Override
  public void executionSkipped(TestIdentifier test, String reason) {
    if (test.isTest() || plan.getChildren(test).isEmpty()) {
      cases.add(TestCase.skipped(className(test), name(test), 0, reason));
    } else {
      plan.getChildren(test).forEach(child -> executionSkipped(child, reason));
    }
  }

  private String name(TestIdentifier test) {
    TestSource source = test.getSource().orElse(null);
    if (!(source instanceof MethodSource)) {
      return test.getDisplayName();
    }
    String method = ((MethodSource) source).getMethodName();
    // An invocation of a parameterized test: its parent is the method.
    Optional<TestIdentifier> parent = plan.getParent(test);
    boolean invocation = parent.isPresent() && parent.get().getSource().equals(test.getSource());
    return invocation ? method + " " + test.getDisplayName() : method;
  }

  private String className(TestIdentifier test) {
    for (Optional<TestIdentifier> each = Optional.of(test); each.isPresent(); each = plan.getParent(each.get())) {
      TestSource source = each.get().getSource().orElse(null);
      if (source instanceof MethodSource) {
        return ((MethodSource) source).getClassName();
      }
      if (source instanceof ClassSource) {
        return ((ClassSource) source).getClassName();
      }
    }
    return suite;
  }

  /**
   * Prints the failures and the counts and writes the XML.
   *
   * @return true if no test failed
   */
  boolean finish() throws IOException {
    finished = true;
    List<TestCase> all = List.copyOf(cases);
    double seconds = (System.nanoTime() - started) / 1e9;
    int failed = 0;
    int skipped = 0;
    for (TestCase each : all) {
      if (each.error != null) {
        failed++;
        output.printf("%n%d) %s#%s%n%s", failed, each.className, each.name, each.trace());
      } else if (each.skipped != null) {
        skipped++;
      }
    }
    output.printf(Locale.ROOT, "%n%d passed, %d failed, %d skipped in %.2f s%n", all.size() - failed - skipped, failed, skipped, seconds);
    if (xml != null) {
      JUnitXml.write(xml, suite, all, seconds);
    }
    return failed == 0;
  }

  /** Says what was running when the virtual machine is told to end: by a time-out, an interrupt, or a test that exits. */
  void interrupted() {
    if (finished) {
      return;
    }
    boolean exit = false;
    StringBuilder stacks = new StringBuilder();
    for (Map.Entry<Thread, StackTraceElement[]> each : Thread.getAllStackTraces().entrySet()) {
      if (each.getKey() == Thread.currentThread() || each.getValue().length == 0) {
        continue;
      }
      stacks.append("\nThread ").append(each.getKey().getName()).append('\n');
      for (StackTraceElement frame : each.getValue()) {
        stacks.append("    at ").append(frame).append('\n');
        exit |= frame.getClassName().equals("java.lang.Runtime") && frame.getMethodName().equals("exit");
      }
    }
    String cause = exit ? "a test called System.exit" : "the tests were stopped before they ended";
    for (TestIdentifier test : List.copyOf(running.keySet())) {
      if (test.isTest()) {
        output.println("ERROR: " + cause + ": " + className(test) + "#" + name(test) + " was running");
        cases.add(TestCase.failed(className(test), name(test), 0, new IllegalStateException(cause)));
      }
    }
    output.print(stacks);
    try {
      finish();
    } catch (IOException error) {
      output.println("ERROR: " + xml + " cannot be written: " + error.getMessage());
    }
    output.flush();
    Runtime.getRuntime().halt(1); // Whatever code a test gave to System.exit, not all tests ran.
  }
}
