"""java_image: not supported yet; says what to use instead."""

def java_image(name, **_):
    """Fails with an error that says how to build an image of a Java program: java_image is not supported yet.

    Args:
      name: the target's name.
      **_: arguments of rules_docker's macro; they are ignored.
    """
    fail(("//%s:%s: java_image is not supported yet. Use a container_image with the java_binary's _deploy.jar in files, " +
          "a debian_image of openjdk-17-jre-headless as base, and /usr/lib/jvm/java-17-openjdk-amd64/bin/java first in entrypoint.") %
         (native.package_name(), name))
