"""Checks and converts the arguments of the public macros before they reach the rules."""

load("//rules/common:labels.bzl", "full_label")
load("//rules/image/private:unsupported.bzl", "COMMON", "check_arguments")

def _in_main_repository():
    """Returns whether the BUILD file that calls is in the main repository."""
    repo_name = getattr(native, "repo_name", None)  # Bazel 4 has only repository_name.
    return repo_name() == "" if repo_name else native.repository_name() == "@"

def one_spelling(label):  # buildifier: disable=unnamed-macro
    """Returns a label in full, so that two spellings of one target are one key of a dict.

    Args:
      label: string as written in a BUILD file of this package, or a Label.
    Returns:
      string such as //a/b:c or @repository//a/b:c.
    """
    if type(label) != "string":
        label = full_label(label)
    if _in_main_repository() and label.startswith(("@//", "@@//")):
        label = label.lstrip("@")
    if not label.startswith(("@", "//")):
        return "//%s:%s" % (native.package_name(), label.lstrip(":"))
    repository, slashes, path = label.partition("//")
    if not slashes:
        return "%s//:%s" % (repository, repository[1:])
    return label if ":" in path else "%s:%s" % (label, path.rpartition("/")[2])

def by_target(attribute, names):  # buildifier: disable=unnamed-macro
    """Turns the dict from name to target that users write into the dict from target to names that a rule takes.

    Args:
      attribute: the attribute's name, for the error.
      names: dict from name to label.
    Returns:
      dict from label to names, one per line.
    """
    if type(names) != "dict":
        fail("%s: found a %s. Use a dict from name to label; for a value that depends on the configuration, name an alias that has a select in actual." % (attribute, type(names)))
    result = {}
    for name, target in names.items():
        label = one_spelling(target)
        result[label] = result[label] + "\n" + name if label in result else name
    return result

def stamp_attr(doc):
    """Returns the attribute `stamp` of a rule, as stamp_value sets it.

    Args:
      doc: what is stamped.
    Returns:
      attribute.
    """
    return attr.int(
        doc = doc + "\n\n1: yes. 0: no. -1: not in this build, because it is without Bazel's `--stamp`, which decides.",
        default = -1,
        values = [-1, 0, 1],
    )

def stamp_value(value):
    """Reads `stamp` in the forms that rules_docker and Bazel's own rules accept.

    Args:
      value: True, False, -1 or None for Bazel's `--stamp`, or a rules_docker label that ends in always, never or use_stamp_flag.
    Returns:
      int for the attribute of stamp_attr, or a select of one.
    """
    word = value.rpartition(":")[2] if type(value) == "string" else value
    if word in (True, 1, "always"):
        return 1
    if word in (False, 0, "never"):
        return 0
    if word in (None, -1, "use_stamp_flag"):
        return select({
            str(Label("//rules/image:stamping")): 1,
            "//conditions:default": -1,
        })
    fail("stamp: found %r. Use True, False, or -1 to follow --stamp." % value)

def _command(attribute, value):
    """Returns a command line; empty if it should be cleared. Fails if it is text for a shell."""
    if value in (None, ""):
        return []
    if type(value) == "string":
        fail("%s: found the string '%s'. Use a list of the program and its arguments. An image has no shell to split a string; if yours has one, use [\"/bin/sh\", \"-c\", …]." % (attribute, value))
    return value

def check_target(name, arguments, rule, attributes):
    """Fails if a target was given an attribute that its rule does not have.

    Args:
      name: the target's name.
      arguments: dict, the macro's keyword arguments.
      rule: the macro's own name.
      attributes: the attributes of the rule that the macro wraps.
    """
    check_arguments("//%s:%s" % (native.package_name(), name), arguments, rule, list(attributes) + COMMON)

def image_arguments(name, arguments, rule, attributes):
    """Checks and normalizes the arguments of an image macro.

    Args:
      name: the target's name.
      arguments: dict, the macro's keyword arguments.
      rule: the macro's own name, for errors.
      attributes: the attributes of the rule that the macro wraps.
    Returns:
      dict of the rule's attributes.
    """
    check_target(name, arguments, rule, attributes)
    result = dict(arguments)
    for attribute in ("cmd", "entrypoint"):
        if attribute in result:
            result[attribute] = _command(attribute, result[attribute])
            if result[attribute] == []:
                # A rule cannot tell an empty list from a missing one. rules_docker has attributes of these names, too.
                result.setdefault("null_" + attribute, True)
    result["stamp"] = stamp_value(result.get("stamp"))
    labels = result.get("labels")
    if type(labels) == "dict":
        # rules_docker names a file with the value of the label in this way: "@label of the file".
        for key, value in labels.items():
            if type(value) != "string":
                fail("labels: found %r for %s. Use a string." % (value, key))
        files = {key: value[1:] for key, value in labels.items() if value.startswith("@")}
        result["labels"] = {key: value for key, value in labels.items() if key not in files}
        if files:
            result["label_files"] = dict(result.get("label_files") or {}, **files)
    if result.get("label_files"):
        result["label_files"] = by_target("label_files", result["label_files"])
    return result
