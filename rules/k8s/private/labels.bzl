"""Labels as users write them, the same on every Bazel version."""

def label_string(label):
    """Returns a label as text.

    Args:
      label: Label.

    Returns:
      `//package:name`, with `@repository` before it for another repository.
    """
    repository = "@" + label.workspace_name if label.workspace_name else ""
    return "%s//%s:%s" % (repository, label.package, label.name)

def split_dep(dep, attribute):
    """Splits a dependency on a service into its package and name.

    Args:
      dep: string, an absolute label.
      attribute: where it stands, for the error.

    Returns:
      struct(package: `//path` with its repository, name: string).
    """
    if "//" not in dep:
        fail("%s: %r is not an absolute label; a dependency is another package's service: write it as //path/to/service" % (attribute, dep))
    package, _, name = dep.partition(":")
    return struct(name = name or package.rpartition("/")[2], package = package)
