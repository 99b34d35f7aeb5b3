"""The repositories that Turnup's rules need, for MODULE.bazel.

    bazel_dep(name = "turnup", version = "0.2.0")

    turnup = use_extension("@turnup//:extensions.bzl", "turnup")
    turnup.configure(constants = "//:cluster_constants.bzl")
"""

load("//:repositories.bzl", "tool_repositories")
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

# Names that the extension itself takes.
_OWN = ["turnup_env", "turnup_maven", "turnup_pip"]

def constants_of(modules):
    """Finds the root module's constants.

    Args:
      modules: the modules that use the extension, each with `is_root`, `name` and `tags`.

    Returns:
      a struct with `constants`, a Label, None for //:cluster_constants.bzl of the root module, and `error`, a sentence or None.
    """
    found = [tag for module in modules if module.is_root for tag in module.tags.configure]
    if len(found) > 1:
        return struct(constants = None, error = "MODULE.bazel: turnup.configure is called %d times. Keep one call." % len(found))
    if found and not found[0].constants:
        return struct(
            constants = None,
            error = "MODULE.bazel: turnup.configure has no constants. Write turnup.configure(constants = \"//:cluster_constants.bzl\").",
        )
    return struct(constants = found[0].constants if found else None, error = None)

def name_error(modules):
    """Checks that each repository is declared once.

    Args:
      modules: the modules that use the extension, each with `name` and `tags`.

    Returns:
      a sentence, or None.
    """
    owners = {name: "Turnup itself" for name in _OWN}
    for module in modules:
        for kind, tags in [("pip", module.tags.pip), ("maven", module.tags.maven)]:
            for tag in tags:
                if tag.name in owners:
                    return "MODULE.bazel of %s: turnup.%s(name = \"%s\") takes a name that %s has. Choose another name." % (
                        module.name or "the root module",
                        kind,
                        tag.name,
                        owners[tag.name],
                    )
                owners[tag.name] = "another tag of " + (module.name or "the root module")
    return None

def version_error(bazel, repository):
    """Checks that the build has one version of Turnup.

    Args:
      bazel: Bazel's version. Empty: unknown.
      repository: the canonical name of Turnup's repository.

    Returns:
      a sentence, or None.
    """

    # From Bazel 7.1 on a module's repository has the version in its name only if there are several versions.
    numbers = [int(part) for part in bazel.split("-")[0].split(".") if part.isdigit()]
    version = repository.replace("~", "+").partition("+")[2]
    if numbers >= [7, 1] and version:
        return "MODULE.bazel: there are two versions of Turnup, of which one is %s. Remove the multiple_version_override of turnup." % version
    return None

def _repository_name():
    label = Label("//:extensions.bzl")
    return label.repo_name if hasattr(label, "repo_name") else label.workspace_name

def _impl(module_ctx):
    found = constants_of(module_ctx.modules)
    error = found.error or name_error(module_ctx.modules) or version_error(native.bazel_version, _repository_name())
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
