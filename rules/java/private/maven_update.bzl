"""maven_update: the command that writes a maven_repository's lock."""

load("//rules/python:defs.bzl", "py_binary")

def maven_update(name, request, visibility = None):
    """Declares the command.

    Args:
      name: the target's name.
      request: a JSON file that says what to resolve, and where the lock is.
      visibility: who may use the target. None: the package's default.
    """
    py_binary(
        name = name,
        data = [request],
        env = {"TURNUP_MAVEN_REQUEST": "$(location %s)" % request},
        main_module = "rules.java.tools.maven.update",
        visibility = visibility,
        deps = [Label("//rules/java/tools/maven")],
    )
