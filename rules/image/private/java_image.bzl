"""java_image: not there yet, and what to write meanwhile."""

def java_image(name, **_):
    """Fails with one sentence: images of Java programs are made by hand so far.

    Args:
      name: the target's name.
      **_: what rules_docker's macro takes.
    """
    fail(("//%s:%s: java_image is not there yet: make a container_image with the java_binary's _deploy.jar in files, " +
          "a debian_image of openjdk-17-jre-headless as base and /usr/lib/jvm/java-17-openjdk-amd64/bin/java first in entrypoint") %
         (native.package_name(), name))
