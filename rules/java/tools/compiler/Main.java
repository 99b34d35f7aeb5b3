package rules.java.tools.compiler;

import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import rules.java.tools.jars.Arguments;
import rules.java.tools.jars.DeployJar;
import rules.java.tools.jars.HeaderJar;
import rules.java.tools.jars.MainClassCheck;
import rules.java.tools.jars.SourceJar;
import rules.java.tools.jars.UserError;

/** The program that the actions of the Java rules run: a persistent worker, or one tool for one action. */
public final class Main {
  /** A tool: reads arguments, writes files, and prints what the user must see. */
  interface Tool {
    /**
     * Runs the tool for one action.
     *
     * @param arguments the action's arguments
     * @param inputs digest of each input by path; empty outside of a worker
     * @param output what the user sees
     * @return true if the action succeeded
     */
    boolean run(Arguments arguments, Map<String, String> inputs, PrintStream output) throws Exception;
  }

  private static final Map<String, Tool> TOOLS = new TreeMap<>();

  static {
    TOOLS.put("compile", new Compilation()::run);
    TOOLS.put("deploy", DeployJar::run);
    TOOLS.put("header", HeaderJar::run);
    TOOLS.put("main-class", MainClassCheck::run);
    TOOLS.put("source", SourceJar::run);
  }

  private Main() {}

  /** Runs the program, and exits with 1 if an action outside of a worker fails. */
  public static void main(String[] argv) {
    List<String> arguments = new ArrayList<>(Arrays.asList(argv));
    if (arguments.remove("--persistent_worker")) {
      InputStream requests = System.in;
      PrintStream answers = System.out;
      System.setOut(System.err); // An annotation processor that prints must not break the protocol.
      System.exit(new Worker(requests, answers).serve());
    }
    System.exit(run(arguments, Map.of(), System.err));
  }

  /**
   * Runs one tool.
   *
   * @param argv the tool's name and its arguments
   * @param inputs digest of each input by path; empty if unknown
   * @param output what the user sees
   * @return the exit code
   */
  static int run(List<String> argv, Map<String, String> inputs, PrintStream output) {
    try {
      List<String> all = Arguments.expand(argv);
      Tool tool = all.isEmpty() ? null : TOOLS.get(all.get(0));
      if (tool == null) {
        throw new UserError("ERROR: the first argument must be one of " + String.join(", ", TOOLS.keySet()));
      }
      return tool.run(new Arguments(all.subList(1, all.size())), inputs, output) ? 0 : 1;
    } catch (UserError error) {
      output.println(error.getMessage());
    } catch (OutOfMemoryError error) {
      long limit = Runtime.getRuntime().maxMemory() >> 20;
      output.println("ERROR: the compiler needs more than its " + limit + " MB of memory. Split the target, or give more with "
          + System.getProperty("turnup.heap", "-Xmx") + "=4g.");
    } catch (Exception | StackOverflowError | LinkageError | AssertionError error) {
      output.println("ERROR: the Java tool failed, which is a defect of it or of an annotation processor:");
      error.printStackTrace(output);
    }
    return 1;
  }

  /** Runs one tool and returns its exit code and what it printed, for a worker. */
  static Map.Entry<Integer, String> capture(List<String> argv, Map<String, String> inputs) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    PrintStream output = new PrintStream(bytes, true, StandardCharsets.UTF_8);
    PrintStream before = System.out;
    PrintStream errors = System.err;
    System.setOut(output);
    System.setErr(output);
    try {
      return Map.entry(run(argv, inputs, output), bytes.toString(StandardCharsets.UTF_8));
    } finally {
      System.setOut(before);
      System.setErr(errors);
    }
  }
}
