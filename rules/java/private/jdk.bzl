"""The machine's JDK as the rules use it."""

load("@host_jdk//:defs.bzl", "JAVA_HOME", _ERROR = "ERROR", _JAVA_VERSION = "JAVA_VERSION")

JAVA_VERSION = _JAVA_VERSION

# Why no JDK can be used. Empty: one can. Only actions fail, so a build of everything still analyzes without a JDK.
JDK_ERROR = _ERROR

def jdk_program(name):
    """Returns the path of a program of the JDK, or its name alone if there is no JDK.

    Args:
      name: java or javac.
    Returns:
      string.
    """
    return JAVA_HOME + "/bin/" + name if JAVA_HOME else name
