"""The repositories that Turnup's rules need, for WORKSPACE.

    load("@turnup//:repositories.bzl", "turnup_repositories")

    turnup_repositories(constants = "//:cluster_constants.bzl")

    load("@turnup//:setup.bzl", "turnup_setup")

    turnup_setup()
"""

load("//rules/common:labels.bzl", "repository_name")
load("//rules/common:repositories.bzl", "bazel_error", "bazel_rule_sets")
load("//rules/java:repositories.bzl", "host_jdk", "java_tools")
load("//rules/jsonnet:repositories.bzl", "jsonnet_tools")
load("//rules/k8s:environment.bzl", "turnup_environment")
load("//rules/python:repositories.bzl", "host_python", "pip_repository")
load("//third_party/debian:repositories.bzl", "turnup_debian_repositories")
load("//third_party/go:repositories.bzl", "turnup_go_repositories")

turnup_pip = pip_repository

_REPOSITORY = repository_name(Label("//:repositories.bzl"))

def turnup_repositories(constants = "//:cluster_constants.bzl"):
    """Declares what Turnup's rules need. Bazel fetches each repository when a target first needs it.

    A repository that WORKSPACE has declared before keeps its declaration. The names are those of Bazel's rule sets
    (bazel_skylib, platforms, rules_cc, rules_java, rules_proto, rules_python, rules_shell, remote_coverage_tools), host_go,
    host_jdk, host_python, jsonnet_tools, go_protoc, and names that begin with turnup_ or debian_.

    Args:
      constants: label of the file with the repository's constants, of which ENVS must be there. Rules that need no cluster
        never read it.
    """
    error = bazel_error(native.bazel_version) or _second_error()
    if error:
        fail(error)
    bazel_rule_sets()
    tool_repositories(constants)
    java_tools()

def _second_error():
    """Returns why turnup_repositories cannot be called in this WORKSPACE, None if it can."""
    other = native.existing_rule("turnup_env")
    if not other or other["kind"] != "turnup_environment":
        return None
    here, there = [repository or "this repository" for repository in (_REPOSITORY, other["turnup"])]
    if here == there:
        return "WORKSPACE: turnup_repositories is called twice. Keep one call."
    return "WORKSPACE: there are two Turnups, @%s and @%s, which need the same repository names. Call turnup_repositories of one only." % (there, here)

def tool_repositories(constants):  # buildifier: disable=unnamed-macro
    """Declares what WORKSPACE and MODULE.bazel have in common.

    Args:
      constants: label of the file with the repository's constants.
    """
    host_python(name = "host_python")
    pip_repository(
        name = "turnup_pip",
        lock = Label("//third_party/python:requirements.lock"),
    )
    jsonnet_tools()
    turnup_environment(
        name = "turnup_env",
        constants = constants,
        turnup = _REPOSITORY,
    )
    turnup_debian_repositories()
    host_jdk(name = "host_jdk")
    turnup_go_repositories()
