package rules.java.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** Tests of what the rules put into jars and runfiles. */
class RulesTest {
  /** A resource is where the layout of its folder says. */
  @Test
  void resourcesAreInTheJar() throws Exception {
    assertEquals("a resource", Some.resource());
  }

  /** A processor that a dependency exports runs, and an imported jar has the class that it made. */
  @Test
  void processorsRun() throws Exception {
    assertEquals("AsksMade", Asks.made());
    assertTrue(Class.forName("rules.java.tests.AsksMade") != null);
  }

  /** Locations in env and jvm_flags are paths in runfiles. */
  @Test
  void locationsAreRunfiles() throws Exception {
    assertEquals("data\n", Files.readString(Path.of(System.getProperty("place"))));
    assertEquals("data\n", Files.readString(Path.of(System.getenv("PLACE"))));
  }
}
