import java.io.File;
import java.util.List;
import java.util.Properties;
import org.apache.maven.RepositoryUtils;
import org.apache.maven.execution.DefaultMavenExecutionRequest;
import org.apache.maven.execution.MavenExecutionRequest;
import org.apache.maven.execution.MavenExecutionRequestPopulator;
import org.apache.maven.internal.aether.DefaultRepositorySystemSessionFactory;
import org.apache.maven.settings.Profile;
import org.apache.maven.settings.Repository;
import org.apache.maven.settings.Settings;
import org.apache.maven.settings.building.DefaultSettingsBuildingRequest;
import org.apache.maven.settings.building.SettingsBuilder;
import org.apache.maven.settings.building.SettingsBuildingRequest;
import org.apache.maven.settings.crypto.DefaultSettingsDecryptionRequest;
import org.apache.maven.settings.crypto.SettingsDecrypter;
import org.apache.maven.settings.crypto.SettingsDecryptionResult;
import org.codehaus.plexus.DefaultContainerConfiguration;
import org.codehaus.plexus.DefaultPlexusContainer;
import org.codehaus.plexus.PlexusConstants;
import org.codehaus.plexus.PlexusContainer;
import org.codehaus.plexus.classworlds.ClassWorld;
import org.eclipse.aether.DefaultRepositorySystemSession;
import org.eclipse.aether.RepositorySystem;
import org.eclipse.aether.repository.RemoteRepository;
import org.eclipse.aether.repository.RepositoryPolicy;
import org.eclipse.aether.transfer.AbstractTransferListener;
import org.eclipse.aether.transfer.TransferEvent;

/** The machine's Maven as a library: its settings, its repositories with mirrors and logins, and its resolver. */
final class MavenSession {
  final RepositorySystem system;
  final DefaultRepositorySystemSession session;
  final List<RemoteRepository> repositories;
  final SettingsDecryptionResult decrypted;

  /**
   * Reads the settings of the installation and of the user, as mvn does.
   *
   * @param home the Maven installation's folder.
   * @param userSettings the user's settings.xml; it may be missing.
   */
  MavenSession(File home, File userSettings) throws Exception {
    ClassWorld world = new ClassWorld("plexus.core", Thread.currentThread().getContextClassLoader());
    PlexusContainer container =
        new DefaultPlexusContainer(
            new DefaultContainerConfiguration()
                .setClassWorld(world)
                .setClassPathScanning(PlexusConstants.SCANNING_INDEX)
                .setAutoWiring(true)
                .setName("turnup"));
    MavenExecutionRequest request = new DefaultMavenExecutionRequest();
    SettingsBuildingRequest wanted =
        new DefaultSettingsBuildingRequest()
            .setGlobalSettingsFile(new File(home, "conf/settings.xml"))
            .setUserSettingsFile(userSettings)
            .setSystemProperties(properties());
    request.setSystemProperties(properties());
    Settings settings = container.lookup(SettingsBuilder.class).build(wanted).getEffectiveSettings();
    decrypted = container.lookup(SettingsDecrypter.class).decrypt(new DefaultSettingsDecryptionRequest(settings));
    MavenExecutionRequestPopulator populator = container.lookup(MavenExecutionRequestPopulator.class);
    populator.populateFromSettings(request, settings);
    addDefaultProfiles(request, settings);
    populator.populateDefaults(request);
    system = container.lookup(RepositorySystem.class);
    session = container.lookup(DefaultRepositorySystemSessionFactory.class).newRepositorySession(request);
    // Maven's default is a warning. A lock would keep the damaged file's checksum for ever.
    session.setChecksumPolicy(RepositoryPolicy.CHECKSUM_POLICY_FAIL);
    session.setTransferListener(new Progress());
    repositories = system.newResolutionRepositories(session, RepositoryUtils.toRepos(request.getRemoteRepositories()));
  }

  /** Adds the repositories of profiles that are active by default, which mvn reads with a project only. */
  private static void addDefaultProfiles(MavenExecutionRequest request, Settings settings) throws Exception {
    if (!settings.getActiveProfiles().isEmpty()) {
      return;
    }
    for (Profile profile : settings.getProfiles()) {
      if (profile.getActivation() != null && profile.getActivation().isActiveByDefault()) {
        for (Repository repository : profile.getRepositories()) {
          request.addRemoteRepository(org.apache.maven.bridge.MavenRepositorySystem.buildArtifactRepository(repository));
        }
      }
    }
  }

  /** Reports each file that is downloaded. */
  private static final class Progress extends AbstractTransferListener {
    @Override
    public void transferSucceeded(TransferEvent event) {
      String name = event.getResource().getResourceName();
      if (!name.endsWith(".pom") && !name.endsWith(".xml")) {
        System.out.println("progress\t" + name.substring(name.lastIndexOf('/') + 1));
      }
    }
  }

  /** Returns the JVM's properties and the environment as env.NAME, which settings may quote. */
  private static Properties properties() {
    Properties all = new Properties();
    all.putAll(System.getProperties());
    System.getenv().forEach((name, value) -> all.setProperty("env." + name, value));
    return all;
  }

}
