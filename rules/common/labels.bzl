"""Labels as text that means the same in every repository."""

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
    return "/".join([part for part in ["../" + label.workspace_name if label.workspace_name else "", label.package] if part])
