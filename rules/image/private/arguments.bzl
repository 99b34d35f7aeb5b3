"""What the public macros do with their arguments before a rule sees them."""

# Attributes of rules_docker that have no counterpart, and what to do instead.
_REFUSED = {
    "build_script": "write a rule of your own that makes a layer; container_image takes its tar in tars",
    "docker_run_flags": "bazel run starts no container: load NAME.tar and give the flags to docker run, or apply it with k8s_object",
    "enable_mtime_preservation": "times in layers are 0, so that digests depend on content alone; remove it",
    "experimental_tarball_format": "there is one format, compressed by the attribute compression; remove it",
    "launcher": "put the launcher into files, and first in entrypoint",
    "launcher_args": "put the arguments into entrypoint",
    "legacy_repository_naming": "container_bundle names images as its keys say; use it",
    "legacy_run_behavior": "bazel run starts no container; remove it",
    "mtime": "times in layers are 0, so that digests depend on content alone; remove it",
    "null_cmd": "a new entrypoint drops the base's cmd; remove it",
    "null_entrypoint": "name the program in entrypoint",
    "portable_mtime": "times in layers are 0, so that digests depend on content alone; remove it",
    "repository": "container_bundle names images as its keys say; use it",
    "sha256": "tools are part of the build; remove it",
}

def by_target(names):
    """The attribute that maps files or images to their names, from the dict by name that users write.

    Args:
      names: dict from name to label.
    Returns:
      dict from label to names, each on a line.
    """
    result = {}
    for name, target in names.items():
        result[target] = result[target] + "\n" + name if target in result else name
    return result

def stamp_value(value):
    """Whether to stamp, from the forms that rules_docker and Bazel's own rules have for it.

    Args:
      value: True, False, -1, or a label of rules_docker's that ends in always, never or use_stamp_flag.
    Returns:
      bool, or a select of one.
    """
    word = value.rpartition(":")[2] if type(value) == "string" else value
    if word in (True, 1, "always"):
        return True
    if word in (None, False, 0, "never"):
        return False
    if word in (-1, "use_stamp_flag"):
        return select({
            Label("//rules/image:stamping"): True,
            "//conditions:default": False,
        })
    fail("stamp: found %r: write True, False, or -1 for what --stamp says" % value)

def _command(attribute, value):
    """A command line, from a list or from text for a shell."""
    if type(value) == "string":
        fail("%s: found the text '%s': write a list of program and arguments; images have no shell to split it, name one for it: [\"/bin/sh\", \"-c\", …]" % (attribute, value))
    return value

# Attributes that every rule has.
_COMMON = [
    "compatible_with",
    "deprecation",
    "exec_compatible_with",
    "exec_properties",
    "features",
    "restricted_to",
    "tags",
    "target_compatible_with",
    "testonly",
    "toolchains",
    "visibility",
]

def image_arguments(name, arguments, rule, attributes):
    """Checks and normalizes what was given to an image macro.

    Args:
      name: the target's name.
      arguments: dict, the macro's keyword arguments.
      rule: the macro's own name, for errors.
      attributes: the attributes of the rule behind it.
    Returns:
      dict of the rule's attributes.
    """
    result = dict(arguments)
    for attribute in arguments:
        if attribute in _REFUSED:
            fail("//%s:%s: %s is not supported: %s" % (native.package_name(), name, attribute, _REFUSED[attribute]))
        if attribute not in attributes and attribute not in _COMMON:
            fail("//%s:%s: %s has no attribute %s: correct the name, or remove it; it has %s" % (
                native.package_name(),
                name,
                rule,
                attribute,
                ", ".join(sorted([key for key in attributes if not key.startswith("_")])),
            ))
    for attribute in ("cmd", "entrypoint"):
        if attribute in result:
            result[attribute] = _command(attribute, result[attribute])
    if "stamp" in result:
        result["stamp"] = stamp_value(result["stamp"])
    labels = result.get("labels")
    if type(labels) == "dict":
        # rules_docker's way to name a file: "@label of the file".
        files = {key: value[1:] for key, value in labels.items() if value.startswith("@")}
        result["labels"] = {key: value for key, value in labels.items() if key not in files}
        result["label_files"] = dict(result.get("label_files") or {}, **files)
    if result.get("label_files"):
        result["label_files"] = by_target(result["label_files"])
    return result
