"""Repository rules for WORKSPACE: the JDK, and third-party jars of Maven repositories."""

load("//rules/java/private:host_jdk.bzl", _host_jdk = "host_jdk")
load("//rules/java/private:maven_hub.bzl", "jars")
load("//rules/java/private:maven_jar.bzl", "maven_jar")
load("//rules/java/private:maven_repository.bzl", "MAVEN_ATTRS", "decode_lock", _maven_repository = "maven_repository")
load("//rules/java/private:maven_specs.bzl", _maven = "maven")

host_jdk = _host_jdk
maven_repository = _maven_repository

# Elements of artifact lists that need more than coordinates: maven.artifact(…) and maven.exclusion(…), as rules_jvm_external has them.
maven = _maven

# The attributes of maven_repository, for a tag of a module extension.
MAVEN_TAG_ATTRS = {name: value for name, value in MAVEN_ATTRS.items() if not name.startswith("_")}

def maven_module(name, lock_text, **kwargs):
    """Declares a maven_repository and the repositories of its files, in a module extension.

    Args:
      name: the repository's name.
      lock_text (string): the lock file's text. A lock that cannot be used stops only the targets that need the jars.
      **kwargs: attributes of maven_repository.
    """
    lock = decode_lock(lock_text.strip())
    for jar in jars(name, lock.get("artifacts", {}) if lock else {}):
        maven_jar(**jar)
    maven_repository(name = name, **kwargs)

# The jars and programs that the Java rules run.
JAVA_TOOLS = dict(
    artifacts_file = Label("//third_party/java:tools.txt"),
    lock = Label("//third_party/java:tools.lock"),
)

def java_tools(name = "turnup_maven"):
    """Declares the jars and programs that the Java rules run. `pinned_maven_install()` of `@NAME//:defs.bzl` declares the files.

    Args:
      name: the repository's name.
    """
    maven_repository(name = name, **JAVA_TOOLS)
