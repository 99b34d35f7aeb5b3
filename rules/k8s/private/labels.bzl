"""Labels of services that a microservice depends on."""

def split_dep(dep):
    """Splits a dependency on a service into its package and name.

    Args:
      dep: string, an absolute label.

    Returns:
      struct(package: `//path` with its repository, name: string).
    """
    package, _, name = dep.partition(":")
    return struct(name = name or package.rpartition("/")[2], package = package)

def deps_error(deps):
    """Checks the dependencies of a microservice.

    Args:
      deps: list of strings.

    Returns:
      what is wrong and what to do about it, or None.
    """
    names = {}
    for dep in deps:
        if "//" not in dep:
            return "deps: %r is not an absolute label. Name the other package's service as //path/to/service." % dep
        name = split_dep(dep).name
        if name in names:
            return "deps: %s and %s have the same name, so manifests cannot tell them apart. Rename one target." % (names[name], dep)
        names[name] = dep
    return None
