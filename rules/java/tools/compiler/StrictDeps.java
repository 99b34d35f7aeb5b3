package rules.java.tools.compiler;

import com.sun.source.tree.CompilationUnitTree;
import com.sun.source.tree.IdentifierTree;
import com.sun.source.tree.ImportTree;
import com.sun.source.tree.MemberSelectTree;
import com.sun.source.util.JavacTask;
import com.sun.source.util.TaskEvent;
import com.sun.source.util.TaskListener;
import com.sun.source.util.TreePath;
import com.sun.source.util.TreePathScanner;
import com.sun.source.util.Trees;
import java.io.PrintStream;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import javax.lang.model.element.Element;
import javax.lang.model.element.ModuleElement;
import javax.lang.model.element.TypeElement;

/** Finds the classes that a target names in its sources although only a dependency of its deps has them. */
final class StrictDeps implements TaskListener {
  /** Before the label of a proto_library: deps takes only a java_proto_library of it. */
  private static final String PROTO = "proto=";

  private final ClassPath classPath;
  private final JavacTask task;
  private final Trees trees;
  private final Map<Element, String> owners = new HashMap<>();
  private final Set<CompilationUnitTree> seen = new HashSet<>();

  // The first use of each missing target: sorted, so that the output does not depend on the order of the analysis.
  private final Map<String, Use> missing = new TreeMap<>();

  private static final class Use {
    final String file;
    final long line;
    final String type;

    Use(String file, long line, String type) {
      this.file = file;
      this.line = line;
      this.type = type;
    }

    boolean before(Use other) {
      int order = file.compareTo(other.file);
      return order < 0 || (order == 0 && line < other.line);
    }
  }

  StrictDeps(JavacTask task, ClassPath classPath) {
    this.classPath = classPath;
    this.task = task;
    trees = Trees.instance(task);
  }

  @Override
  public void finished(TaskEvent event) {
    if (event.getKind() != TaskEvent.Kind.ANALYZE || event.getTypeElement() == null) {
      return;
    }
    TreePath type = trees.getPath(event.getTypeElement());
    if (type == null) {
      return;
    }
    Scanner scanner = new Scanner();
    if (seen.add(type.getCompilationUnit())) {
      TreePath unit = new TreePath(type.getCompilationUnit());
      for (ImportTree each : type.getCompilationUnit().getImports()) {
        scanner.scan(new TreePath(unit, each), null);
      }
    }
    scanner.scan(type, null);
  }

  /**
   * Prints an error for each missing target.
   *
   * @param label the target that was compiled
   * @param output what the user sees
   * @return true if nothing is missing
   */
  boolean report(String label, PrintStream output) {
    missing.forEach((owner, use) -> {
      String target = owner.startsWith(PROTO) ? "a java_proto_library of " + owner.substring(PROTO.length()) : owner;
      output.printf("%s:%d: error: %s comes from %s, which is not a direct dependency. Add %s to deps of %s.%n",
          use.file, use.line, use.type, target, target, label);
    });
    return missing.isEmpty();
  }

  private final class Scanner extends TreePathScanner<Void, Void> {
    @Override
    public Void visitIdentifier(IdentifierTree tree, Void unused) {
      check();
      return super.visitIdentifier(tree, unused);
    }

    @Override
    public Void visitMemberSelect(MemberSelectTree tree, Void unused) {
      check();
      return super.visitMemberSelect(tree, unused);
    }

    private void check() {
      Element element = trees.getElement(getCurrentPath());
      if (!(element instanceof TypeElement)) {
        return;
      }
      String owner = owners.computeIfAbsent(element, StrictDeps.this::owner);
      if (owner.isEmpty()) {
        return;
      }
      CompilationUnitTree unit = getCurrentPath().getCompilationUnit();
      long start = trees.getSourcePositions().getStartPosition(unit, getCurrentPath().getLeaf());
      if (start < 0) {
        return; // The compiler's own node, such as the type of a var: the source does not name the class.
      }
      Use use = new Use(unit.getSourceFile().getName(), unit.getLineMap().getLineNumber(start), ((TypeElement) element).getQualifiedName().toString());
      missing.merge(owner, use, (old, found) -> found.before(old) ? found : old);
    }
  }

  /** Returns the label to add for a class, or "" if there is none. */
  private String owner(Element type) {
    ModuleElement module = task.getElements().getModuleOf(type);
    if (module == null || !module.isUnnamed() || trees.getTree((TypeElement) type) != null) {
      return "";
    }
    String owner = classPath.missingOwner(task.getElements().getBinaryName((TypeElement) type).toString());
    return owner == null ? "" : owner;
  }
}
