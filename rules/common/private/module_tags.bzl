"""What extensions.bzl at the top reads from the tags of MODULE.bazel files, apart from it so that Bazel 4 can test it."""

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

def version_error(repository):
    """Checks that the build has one version of Turnup.

    Args:
      repository: the canonical name of Turnup's repository.

    Returns:
      a sentence, or None.
    """

    # From Bazel 7.1 on a module's repository has the version in its name only if there are several versions. Earlier ones cannot read
    # Turnup's MODULE.bazel.
    version = repository.replace("~", "+").partition("+")[2]
    if version:
        return "MODULE.bazel: there are two versions of Turnup, of which one is %s. Remove the multiple_version_override of turnup." % version
    return None
