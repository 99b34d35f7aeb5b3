"""Repository rules for WORKSPACE: the JDK, and third-party jars of Maven repositories."""

load("//rules/java/private:host_jdk.bzl", _host_jdk = "host_jdk")
load("//rules/java/private:maven_repository.bzl", _maven_repository = "maven_repository")
load("//rules/java/private:maven_specs.bzl", _maven = "maven")

host_jdk = _host_jdk
maven_repository = _maven_repository

# Elements of artifact lists that need more than coordinates: maven.artifact(…) and maven.exclusion(…), as rules_jvm_external has them.
maven = _maven

def java_tools(name = "turnup_maven"):
    """Declares the jars and programs that the Java rules run. `pinned_maven_install()` of `@NAME//:defs.bzl` declares the files.

    Args:
      name: the repository's name.
    """
    maven_repository(
        name = name,
        artifacts_file = Label("//third_party/java:tools.txt"),
        lock = Label("//third_party/java:tools.lock"),
    )
