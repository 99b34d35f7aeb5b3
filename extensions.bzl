"""The repositories that Turnup's rules need, for MODULE.bazel.

    bazel_dep(name = "turnup", version = "0.2.0")

    turnup = use_extension("@turnup//:extensions.bzl", "turnup")
    turnup.configure(constants = "//:cluster_constants.bzl")
"""

load("//:repositories.bzl", "tool_repositories")
load("//rules/common:labels.bzl", "repository_name")
load("//rules/common:repositories.bzl", "constants_of", "name_error", "version_error")
load("//rules/java:repositories.bzl", "JAVA_TOOLS", "MAVEN_TAG_ATTRS", "maven_module")
load("//rules/python:repositories.bzl", "pip_repository")

_CONFIGURE = tag_class(
    doc = "The constants of the root module. Those of other modules are not read.",
    attrs = {
        "constants": attr.label(
            doc = "The file with the repository's constants, of which ENVS must be there.",
        ),
    },
)

_PIP = tag_class(
    doc = "Declares third-party Python packages as @NAME, like pip_repository.",
    attrs = {
        "lock": attr.label(
            doc = "The requirements file, with the version and sha256 hashes of every package.",
            mandatory = True,
        ),
        "name": attr.string(
            doc = "The repository's name.",
            mandatory = True,
        ),
    },
)

_MAVEN = tag_class(
    doc = "Declares third-party jars as @NAME, like maven_repository with pinned_maven_install.",
    attrs = dict(
        MAVEN_TAG_ATTRS,
        name = attr.string(
            doc = "The repository's name.",
            mandatory = True,
        ),
    ),
)

def _impl(module_ctx):
    found = constants_of(module_ctx.modules)
    error = found.error or name_error(module_ctx.modules) or version_error(repository_name(Label("//:extensions.bzl")))
    if error:
        fail(error)
    tool_repositories(found.constants or Label("@@//:cluster_constants.bzl"))
    maven_module(name = "turnup_maven", lock_text = module_ctx.read(JAVA_TOOLS["lock"]), **JAVA_TOOLS)
    for module in module_ctx.modules:
        for tag in module.tags.pip:
            pip_repository(name = tag.name, lock = tag.lock)
        for tag in module.tags.maven:
            attributes = {name: getattr(tag, name) for name in MAVEN_TAG_ATTRS}
            maven_module(name = tag.name, lock_text = module_ctx.read(tag.lock), **attributes)

turnup = module_extension(
    implementation = _impl,
    tag_classes = {
        "configure": _CONFIGURE,
        "maven": _MAVEN,
        "pip": _PIP,
    },
)
