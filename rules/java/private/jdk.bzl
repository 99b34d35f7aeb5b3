"""The machine's JDK as the rules use it."""

load("@host_jdk//:defs.bzl", "ERROR", "JAVA_HOME", _JAVA_RELEASE = "JAVA_RELEASE", _JAVA_VERSION = "JAVA_VERSION")

JAVA_RELEASE = _JAVA_RELEASE
JAVA_VERSION = _JAVA_VERSION

def jdk_program(label, name):
    """Returns the path of a program of the JDK, or fails with the reason why there is none.

    Args:
      label: the label of the target that needs it.
      name: java or javac.
    Returns:
      string.
    """
    if ERROR:
        fail("%s: %s" % (label, ERROR))
    return JAVA_HOME + "/bin/" + name
