package rules.java.tools.junit;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import org.junit.platform.engine.FilterResult;
import org.junit.platform.engine.TestDescriptor;
import org.junit.platform.engine.support.descriptor.MethodSource;
import org.junit.platform.launcher.PostDiscoveryFilter;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.TestPlan;

/** The tests that the filter and the shard leave. A parameterized test and a test factory are one test here. */
final class Selection implements PostDiscoveryFilter {
  private static final int SHOWN = 10;

  private final Set<String> chosen;

  private Selection(Set<String> chosen) {
    this.chosen = chosen;
  }

  /**
   * Chooses tests.
   *
   * @param plan all tests of the classes
   * @param classes the names of the classes, for errors
   * @param filter the value of --test_filter: a regular expression that is searched for in CLASS#METHOD; null or empty for all
   * @param sharding the part of the tests to run
   * @throws TestError there is no test, or the filter matches none
   */
  static Selection of(TestPlan plan, List<String> classes, String filter, Sharding sharding) throws TestError {
    List<String> ids = new ArrayList<>();
    List<String> names = new ArrayList<>();
    Pattern pattern = pattern(filter);
    for (TestIdentifier root : plan.getRoots()) {
      for (TestIdentifier test : plan.getDescendants(root)) {
        String name = name(test.getSource().orElse(null));
        if (name == null && !test.isTest()) {
          continue; // A class or an engine.
        }
        name = name == null ? test.getLegacyReportingName() : name;
        names.add(name);
        if (pattern == null || pattern.matcher(name).find()) {
          ids.add(test.getUniqueId());
        }
      }
    }
    String all = String.join(", ", classes);
    if (names.isEmpty()) {
      throw new TestError(all + " has no tests. Annotate its methods with org.junit.jupiter.api.Test, and make them and the class"
          + " not private; for tests of JUnit 4, add org.junit.vintage:junit-vintage-engine to runtime_deps.");
    }
    if (ids.isEmpty()) {
      String some = String.join(", ", names.subList(0, Math.min(SHOWN, names.size()))) + (names.size() > SHOWN ? ", …" : "");
      throw new TestError("--test_filter=" + filter + " matches no test of " + all + ". The tests are " + some + ".");
    }
    Collections.sort(ids); // The order of methods of a class file is the compiler's.
    Set<String> chosen = new HashSet<>();
    for (int i = sharding.index; i < ids.size(); i += sharding.total) {
      chosen.add(ids.get(i));
    }
    return new Selection(chosen);
  }

  private static Pattern pattern(String filter) throws TestError {
    if (filter == null || filter.isEmpty()) {
      return null;
    }
    try {
      // A class name may have $, which a pattern takes for the end of the text.
      return Pattern.compile(filter.replaceAll("\\$(?=[A-Za-z_])", "\\\\\\$"));
    } catch (PatternSyntaxException error) {
      throw new TestError("--test_filter=" + filter + " is not a regular expression (" + error.getDescription()
          + "). It is searched for in CLASS#METHOD, for example com.examples.GreetingTest#greets.");
    }
  }

  /** Returns CLASS#METHOD of a test, or null if it is none. */
  private static String name(Object source) {
    return source instanceof MethodSource ? ((MethodSource) source).getClassName() + "#" + ((MethodSource) source).getMethodName() : null;
  }

  @Override
  public FilterResult apply(TestDescriptor test) {
    boolean isMethod = test.isTest() || name(test.getSource().orElse(null)) != null;
    return FilterResult.includedIf(!isMethod || chosen.contains(test.getUniqueId().toString()));
  }
}
