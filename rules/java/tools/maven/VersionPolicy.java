import java.util.Map;
import org.eclipse.aether.collection.UnsolvableVersionConflictException;
import org.eclipse.aether.util.graph.transformer.ConflictResolver.ConflictContext;
import org.eclipse.aether.util.graph.transformer.ConflictResolver.ConflictItem;
import org.eclipse.aether.util.graph.transformer.ConflictResolver.VersionSelector;
import org.eclipse.aether.version.VersionConstraint;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.LinkedHashSet;
import org.eclipse.aether.graph.DependencyNode;

/** Chooses among the versions of one artifact: a pinned one, otherwise the highest that all ranges allow. */
final class VersionPolicy extends VersionSelector {
  private final Map<String, String> pinned;

  /**
   * Makes a policy.
   *
   * @param pinned versions that win over all others, by key.
   */
  VersionPolicy(Map<String, String> pinned) {
    this.pinned = pinned;
  }

  @Override
  public void selectVersion(ConflictContext context) throws UnsolvableVersionConflictException {
    Collection<VersionConstraint> ranges = new LinkedHashSet<>();
    for (ConflictItem item : context.getItems()) {
      if (item.getNode().getVersionConstraint().getRange() != null) {
        ranges.add(item.getNode().getVersionConstraint());
      }
    }
    ConflictItem best = null;
    for (ConflictItem item : context.getItems()) {
      DependencyNode node = item.getNode();
      String pin = pinned.get(Resolve.key(node.getArtifact()));
      if (pin != null) {
        if (!pin.equals(node.getArtifact().getVersion())) {
          continue;
        }
      } else if (!ranges.stream().allMatch(range -> range.containsVersion(node.getVersion()))) {
        continue;
      }
      int order = best == null ? 1 : node.getVersion().compareTo(best.getNode().getVersion());
      if (order > 0 || order == 0 && item.getDepth() < best.getDepth()) {
        best = item;
      }
    }
    if (best == null) {
      throw conflict(context);
    }
    context.setWinner(best);
  }

  private static UnsolvableVersionConflictException conflict(ConflictContext context) {
    List<List<DependencyNode>> paths = new ArrayList<>();
    for (ConflictItem item : context.getItems()) {
      paths.add(List.of(item.getNode()));
    }
    return new UnsolvableVersionConflictException(paths);
  }
}
