package rules.java.tools.compiler;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import rules.java.tools.jars.Arguments;
import rules.java.tools.jars.UserError;

/** The options of one run of javac: those of the rules, then the target's javacopts. */
final class JavacOptions {
  private static final Set<String> RELEASE = Set.of("--release", "-source", "--source", "-target", "--target");

  /** Options for which the rules have attributes, or which write elsewhere than into the target's jar. */
  private static final Set<String> TAKEN = Set.of("-cp", "-classpath", "--class-path", "-sourcepath", "--source-path", "-p", "--module-path",
      "--module-source-path", "-m", "--module", "-processor", "-processorpath", "--processor-path", "--processor-module-path", "-d", "-s", "-h",
      "-proc:only");

  /** Options that replace classes of the platform. */
  private static final Set<String> PLATFORM = Set.of("--system", "--patch-module", "--upgrade-module-path", "-bootclasspath", "--boot-class-path",
      "-extdirs", "-endorseddirs", "-Xbootclasspath", "-Xbootclasspath/p", "-Xbootclasspath/a", "-Djava.ext.dirs", "-Djava.endorsed.dirs");

  /** The options as javac takes them. */
  final List<String> all;

  /** Whether they replace classes of the platform. */
  final boolean changePlatform;

  private JavacOptions(List<String> all, boolean changePlatform) {
    this.all = all;
    this.changePlatform = changePlatform;
  }

  /**
   * Returns the options of a compilation.
   *
   * @param label the target, for errors
   * @param arguments the action's arguments
   * @throws UserError javacopts has an option that the rules set
   */
  static JavacOptions of(String label, Arguments arguments) throws UserError {
    // XDsuppressNotes: "uses unchecked operations" without a place helps nobody, -Xlint:unchecked has the places.
    List<String> options = new ArrayList<>(List.of("-g", "-encoding", "UTF-8", "-XDsuppressNotes"));
    List<String> own = arguments.all("--javacopt");
    for (String option : own) {
      if (TAKEN.contains(name(option))) {
        throw new UserError("ERROR: " + label + ": javacopts has " + option + ", which the rules set. Remove it; deps are the class path, and"
            + " plugins the processors.");
      }
    }
    if (own.stream().noneMatch(option -> RELEASE.contains(name(option)))) {
      options.addAll(Runtime.version().feature() == 17 ? List.of("-source", "17", "-target", "17") : List.of("--release", "17"));
    }
    List<String> names = arguments.all("--processor");
    options.addAll(names.isEmpty() ? List.of("-proc:none") : List.of("-processor", String.join(",", names)));
    options.addAll(own);
    return new JavacOptions(options, own.stream().anyMatch(option -> PLATFORM.contains(name(option))));
  }

  private static String name(String option) {
    String name = option.split("=")[0];
    return name.startsWith("-Xbootclasspath") ? name.split(":")[0] : name;
  }
}
