"""Labels as text that means the same in every repository."""

def repository_name(label):
    """Returns the canonical name of a label's repository.

    Args:
      label: Label.

    Returns:
      string, empty for the main repository.
    """

    # Bazel 4 has only workspace_name, and later versions will have only repo_name.
    return label.repo_name if hasattr(label, "repo_name") else label.workspace_name

def apparent_name(repository):
    """Returns the name that BUILD files usually have for a repository.

    Args:
      repository: the repository's canonical name, or its name in WORKSPACE. With Bzlmod a module's canonical name is `turnup+` or
        `turnup~0.2.0`, and that of a repository of an extension is `module++extension+name` or `module~~extension~name`.

    Returns:
      string, empty for the main repository.
    """
    parts = repository.replace("~", "+").split("+")
    return parts[-1] if len(parts) > 2 else parts[0]

def label_text(label):
    """Returns a label as text that is the same in every version of Bazel, for messages and for use inside images.

    Args:
      label: Label.

    Returns:
      `//package:name`, with `@repository` before it for another repository.
    """
    name = apparent_name(repository_name(label))
    return "%s//%s:%s" % ("@" + name if name else "", label.package, label.name)

def full_label(label):
    """Returns a label as text for files of another repository.

    Args:
      label: Label.

    Returns:
      `@repository//package:name`; `@//package:name` for the main repository.
    """
    text = str(label)

    # Bazel 4 leaves out the repository of the main one; newer versions write `@@`.
    return "@" + text if text.startswith("//") else text

def package_label(label):
    """Returns the package of a label as text for files of another repository.

    Args:
      label: Label.

    Returns:
      `@repository//package`.
    """
    return full_label(label).rpartition(":")[0]

def short_folder(label):
    """Returns the folder of a label's package in the form of File.short_path.

    Args:
      label: Label.

    Returns:
      the package, with `../repository/` before it for another repository.
    """
    return "/".join([part for part in ["../" + repository_name(label) if repository_name(label) else "", label.package] if part])

def is_label_of(text, label, package):
    """Returns whether text in a BUILD file names a target.

    Args:
      text: string, a label in any of its forms.
      label: Label of the target.
      package: Label of any target in the package of the BUILD file.

    Returns:
      bool.
    """
    repository, slashes, path = text.partition("//")
    if not slashes:
        if text.startswith("@"):
            repository, path = text, ":" + text.lstrip("@")
        else:
            repository, path = "", "%s:%s" % (package.package, text.lstrip(":"))
    folder, colon, name = path.partition(":")
    if (folder, name if colon else folder.rpartition("/")[2]) != (label.package, label.name):
        return False
    if not repository:
        return repository_name(label) == repository_name(package)
    return repository.lstrip("@") in (repository_name(label), apparent_name(repository_name(label)))
