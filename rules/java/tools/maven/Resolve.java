import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.eclipse.aether.artifact.Artifact;
import org.eclipse.aether.artifact.DefaultArtifact;
import org.eclipse.aether.collection.CollectRequest;
import org.eclipse.aether.collection.CollectResult;
import org.eclipse.aether.collection.DependencyCollectionException;
import org.eclipse.aether.collection.UnsolvableVersionConflictException;
import org.eclipse.aether.graph.Dependency;
import org.eclipse.aether.graph.DependencyNode;
import org.eclipse.aether.graph.Exclusion;
import org.eclipse.aether.resolution.ArtifactDescriptorException;
import org.eclipse.aether.resolution.ArtifactDescriptorRequest;
import org.eclipse.aether.resolution.ArtifactRequest;
import org.eclipse.aether.resolution.ArtifactResolutionException;
import org.eclipse.aether.resolution.ArtifactResult;
import org.eclipse.aether.transfer.ArtifactNotFoundException;
import org.eclipse.aether.transfer.ArtifactTransferException;
import org.eclipse.aether.transfer.ChecksumFailureException;
import org.eclipse.aether.util.graph.manager.DependencyManagerUtils;
import org.eclipse.aether.util.graph.transformer.ConflictResolver;
import org.eclipse.aether.util.graph.transformer.JavaScopeDeriver;
import org.eclipse.aether.util.graph.transformer.JavaScopeSelector;
import org.eclipse.aether.util.graph.transformer.SimpleOptionalitySelector;

/**
 * Resolves a list of artifacts with the machine's Maven. Input and output are lines of words with tabs between.
 *
 * <p>Input: "artifact COORDINATES EXCLUSIONS", "bom COORDINATES", "exclude GROUP:ARTIFACT", "policy NAME", "sources". Output:
 * "node KEY VERSION FILE", "edge KEY KEY SCOPE", "sources KEY FILE", "conflict KEY CHOSEN ASKED PATH", "managed KEY CHOSEN ASKED
 * PATH" and "error KIND COORDINATES TEXT". KEY is GROUP:ARTIFACT:EXTENSION:CLASSIFIER.
 */
public final class Resolve {
  private final MavenSession maven;
  private final List<Dependency> direct = new ArrayList<>();
  private final Map<String, String> asked = new HashMap<>();
  private final Map<String, Artifact> found = new LinkedHashMap<>();
  private final Map<String, Artifact> relocated = new LinkedHashMap<>();
  private final Map<String, Dependency> managed = new LinkedHashMap<>();
  private final List<Exclusion> exclusions = new ArrayList<>();
  private boolean pinned;
  private boolean sources;

  private Resolve(MavenSession maven) {
    this.maven = maven;
  }

  /** Resolves what stands on standard input; arguments are the Maven installation's folder and the user's settings.xml. */
  public static void main(String[] arguments) throws Exception {
    MavenSession maven = new MavenSession(new File(arguments[0]), new File(arguments[1]));
    List<String> lines = new ArrayList<>();
    try (BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
      input.lines().forEach(lines::add);
    }
    new Resolve(maven).run(lines);
  }

  private void run(List<String> lines) throws Exception {
    for (String line : lines) {
      String[] words = line.split("\t", -1);
      switch (words[0]) {
        case "bom": addBom(words[1]); break;
        case "exclude": exclusions.add(exclusion(words[1])); break;
        case "policy": pinned = words[1].equals("pinned"); break;
        case "sources": sources = true; break;
        default: break;
      }
    }
    for (String line : lines) {
      String[] words = line.split("\t", -1);
      if (words[0].equals("artifact")) {
        addArtifact(words[1], words[2]);
      }
    }
    CollectRequest request = new CollectRequest();
    request.setDependencies(direct);
    request.setManagedDependencies(new ArrayList<>(managed.values()));
    request.setRepositories(maven.repositories);
    maven.session.setConfigProperty(ConflictResolver.CONFIG_PROP_VERBOSE, true);
    maven.session.setConfigProperty(DependencyManagerUtils.CONFIG_PROP_VERBOSE, true);
    maven.session.setDependencyGraphTransformer(
        new ConflictResolver(
            new VersionPolicy(pinned ? asked : Map.of()), new JavaScopeSelector(), new SimpleOptionalitySelector(), new JavaScopeDeriver()));
    DependencyNode root;
    try {
      CollectResult result = maven.system.collectDependencies(maven.session, request);
      root = result.getRoot();
    } catch (DependencyCollectionException problem) {
      CollectResult result = problem.getResult();
      for (Exception one : result.getExceptions()) {
        error(one);
      }
      if (result.getExceptions().isEmpty()) {
        error(problem);
      }
      return;
    }
    walk(root, new ArrayList<>());
    download();
  }

  private static Exclusion exclusion(String text) {
    String[] parts = text.split(":", -1);
    return new Exclusion(parts[0], parts[1], "*", "*");
  }

  private void addBom(String coordinates) throws Exception {
    String[] parts = coordinates.split(":", -1);
    ArtifactDescriptorRequest request = new ArtifactDescriptorRequest();
    request.setArtifact(new DefaultArtifact(parts[0], parts[1], "pom", parts[parts.length - 1])).setRepositories(maven.repositories);
    try {
      for (Dependency one : maven.system.readArtifactDescriptor(maven.session, request).getManagedDependencies()) {
        // The first list that names an artifact decides, as in a POM's dependencyManagement.
        managed.putIfAbsent(key(one.getArtifact()), one);
      }
    } catch (ArtifactDescriptorException problem) {
      error(problem);
    }
  }

  private void addArtifact(String coordinates, String excluded) {
    String[] parts = coordinates.split(":", -1);
    Artifact artifact = new DefaultArtifact(parts[0], parts[1], parts[3], parts[2], parts[4]);
    List<Exclusion> all = new ArrayList<>(exclusions);
    for (String one : excluded.isEmpty() ? new String[0] : excluded.split(",")) {
      all.add(exclusion(one));
    }
    if (artifact.getVersion().isEmpty()) {
      Dependency version = managed.get(key(artifact));
      if (version == null) {
        line("error", "version", coordinates, "");
        return;
      }
      artifact = artifact.setVersion(version.getArtifact().getVersion());
    }
    asked.put(key(artifact), artifact.getVersion());
    direct.add(new Dependency(artifact, "compile", false, all));
  }

  static String key(Artifact artifact) {
    return String.join(":", artifact.getGroupId(), artifact.getArtifactId(), artifact.getExtension(), artifact.getClassifier());
  }

  private void walk(DependencyNode node, List<String> path) {
    List<String> below = new ArrayList<>(path);
    if (node.getDependency() != null) {
      below.add(node.getArtifact().getArtifactId() + ":" + node.getArtifact().getVersion());
      found.put(key(node.getArtifact()), node.getArtifact());
    }
    for (DependencyNode child : node.getChildren()) {
      Artifact artifact = child.getArtifact();
      DependencyNode winner = (DependencyNode) child.getData().get(ConflictResolver.NODE_DATA_WINNER);
      String chosen = winner == null ? artifact.getVersion() : winner.getArtifact().getVersion();
      String by = below.isEmpty() ? "the list" : String.join(" > ", below);
      if (node.getDependency() != null) {
        // What the POM says, not what follows from the place in this graph: other targets use the same node.
        Object scope = child.getData().get(ConflictResolver.NODE_DATA_ORIGINAL_SCOPE);
        line("edge", key(node.getArtifact()), key(artifact), scope == null ? child.getDependency().getScope() : (String) scope);
      }
      if (node.getDependency() == null) {
        // The POM of an artifact of the list may say that it is now called otherwise. The label of the list's name must exist.
        for (Artifact before : child.getRelocations()) {
          relocated.putIfAbsent(key(before), before);
          line("edge", key(before), key(artifact), "compile");
        }
      }
      if (!chosen.equals(artifact.getVersion())) {
        line("conflict", key(artifact), chosen, artifact.getVersion(), by);
      }
      String premanaged = DependencyManagerUtils.getPremanagedVersion(child);
      if (premanaged != null && !premanaged.equals(artifact.getVersion())) {
        line("managed", key(artifact), artifact.getVersion(), premanaged, by);
      }
      if (winner == null) {
        walk(child, below);
      }
    }
  }

  private void download() throws Exception {
    List<ArtifactRequest> requests = new ArrayList<>();
    for (Artifact artifact : found.values()) {
      // A BOM or a parent is only a list of others.
      if (!artifact.getExtension().equals("pom")) {
        requests.add(new ArtifactRequest(artifact, maven.repositories, null));
      }
    }
    for (ArtifactResult result : resolve(requests)) {
      if (result.isResolved()) {
        line("file", key(result.getArtifact()), result.getArtifact().getFile().getPath());
      } else {
        result.getExceptions().forEach(Resolve::error);
      }
    }
    relocated.keySet().removeAll(found.keySet());
    relocated.forEach((key, artifact) -> line("node", key, artifact.getVersion()));
    found.forEach((key, artifact) -> line("node", key, artifact.getVersion()));
    if (!sources) {
      return;
    }
    List<ArtifactRequest> wanted = new ArrayList<>();
    for (Artifact artifact : found.values()) {
      if (artifact.getExtension().equals("jar") && artifact.getClassifier().isEmpty()) {
        wanted.add(
            new ArtifactRequest(
                new DefaultArtifact(artifact.getGroupId(), artifact.getArtifactId(), "sources", "jar", artifact.getVersion()),
                maven.repositories,
                null));
      }
    }
    for (ArtifactResult result : resolve(wanted)) {
      // Not every artifact has published sources.
      if (result.isResolved()) {
        line("source", key(result.getArtifact()), result.getArtifact().getFile().getPath());
      }
    }
  }

  private Collection<ArtifactResult> resolve(List<ArtifactRequest> requests) {
    try {
      return maven.system.resolveArtifacts(maven.session, requests);
    } catch (ArtifactResolutionException problem) {
      return problem.getResults();
    }
  }

  private static void error(Throwable problem) {
    String artifact = "";
    String kind = "other";
    Throwable last = problem;
    for (Throwable cause = problem; cause != null; cause = cause.getCause()) {
      last = cause;
      if (cause instanceof ArtifactTransferException) {
        artifact = String.valueOf(((ArtifactTransferException) cause).getArtifact());
        kind = "transfer";
      }
      if (cause instanceof ArtifactNotFoundException) {
        kind = "missing";
        break;
      }
      if (cause instanceof ChecksumFailureException) {
        kind = ((ChecksumFailureException) cause).getExpected().isEmpty() ? "unchecked" : "checksum";
      }
      if (cause instanceof UnsolvableVersionConflictException) {
        artifact = String.join(" and ", new TreeSet<>(((UnsolvableVersionConflictException) cause).getVersions()));
        kind = "conflict";
        break;
      }
    }
    line("error", kind, artifact, String.valueOf(last.getMessage()));
  }

  static void line(String... words) {
    StringBuilder text = new StringBuilder();
    for (String word : words) {
      text.append(text.length() == 0 ? "" : "\t").append(word.replaceAll("[\t\r\n]+", " "));
    }
    System.out.println(text);
  }
}
