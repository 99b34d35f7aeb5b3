"""Attributes of rules_docker that are not supported, with what to do instead."""

_COMPRESSION = "Remove it; the attribute compression and the flag --//rules/image:compression set the compression."
_LOGIN = "Remove it; the login is the one that docker login stored. Set $DOCKER_CONFIG for another folder."
_NO_CONTAINER = "Remove it; bazel run does not start a container."
_NO_TIMES = "Remove it; times in layers are 0, so that digests depend only on content."
_NO_VERSIONS = "Remove it; images are for Linux, which needs no version or features."
_ONE_FORMAT = "Remove it; there is one format, and the attribute compression sets its compression."
_TOOLS = "Remove it; the tools are part of the build."
_USE_BUNDLE = "Use container_bundle; its keys are the names of images."

_OF_LAYERS = {
    "build_layer": _TOOLS,
    "compression_options": _COMPRESSION,
    "enable_mtime_preservation": _NO_TIMES,
    "mtime": _NO_TIMES,
    "portable_mtime": _NO_TIMES,
    "sha256": _TOOLS,
}

_OF_IMAGES = dict(
    _OF_LAYERS,
    build_script = "Write a rule that makes a tar, and add it to tars of a container_image.",
    docker_run_flags = "Remove it; bazel run does not start a container. Load NAME.tar and pass the flags to docker run, or apply the image with k8s_object.",
    experimental_tarball_format = _ONE_FORMAT,
    incremental_load_template = _NO_CONTAINER,
    label_file_strings = "Use label_files, which maps labels to files.",
    launcher = "Add the launcher to files, and put it first in entrypoint.",
    launcher_args = "Add the arguments to entrypoint.",
    legacy_repository_naming = _USE_BUNDLE,
    legacy_run_behavior = _NO_CONTAINER,
    os_version = _NO_VERSIONS,
    repository = _USE_BUNDLE,
    tag_name = _USE_BUNDLE,
)

# The unsupported attributes of each macro, by its name.
UNSUPPORTED = {
    "cc_image": _OF_IMAGES,
    "container_bundle": {
        "docker_run_flags": _OF_IMAGES["docker_run_flags"],
        "experimental_tarball_format": _ONE_FORMAT,
        "extract_config": _TOOLS,
        "image_target_strings": "Use images, which maps names to images.",
        "image_targets": "Use images, which maps names to images.",
        "tar_output": "Remove it; the archive is NAME.tar.",
    },
    "container_image": _OF_IMAGES,
    "container_layer": dict(
        _OF_LAYERS,
        operating_system = "Remove it; operating_system of the image sets it.",
    ),
    "container_load": {},
    "container_pull": {
        "cred_helpers": "Remove it; name credential helpers in Docker's config.json.",
        "docker_client_config": _LOGIN,
        "import_tags": "Remove it; @NAME//image has no tags.",
        "os_features": _NO_VERSIONS,
        "os_version": _NO_VERSIONS,
        "platform_features": _NO_VERSIONS,
        "puller_darwin": _TOOLS,
        "puller_linux": _TOOLS,
        "puller_linux_amd64": _TOOLS,
        "puller_linux_arm64": _TOOLS,
        "puller_linux_s390x": _TOOLS,
        "timeout": "Remove it; a pull may take 30 minutes, and the next one resumes an interrupted download.",
    },
    "container_push": {
        "docker_client_config": _LOGIN,
        "extension": "Remove it; the program of bazel run has the name of the target.",
        "retry_count": "Remove it; a push retries by itself.",
        "tag_tpl": _TOOLS,
        "windows_paths": "Remove it; images are pushed from Linux.",
    },
    "debian_image": _OF_IMAGES,
    "go_image": _OF_IMAGES,
    "java_image": _OF_IMAGES,
    "py_image": _OF_IMAGES,
}

# Attributes of every rule.
COMMON = [
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

def attribute_error(rule, attribute, attributes):
    """Checks an attribute that a macro was given.

    Args:
      rule: the macro's name.
      attribute: the attribute's name.
      attributes: the attributes of the rule that the macro wraps.
    Returns:
      string: what is wrong and what to do about it. Empty: nothing is wrong.
    """
    if attribute in UNSUPPORTED[rule]:
        return "%s is not supported. %s" % (attribute, UNSUPPORTED[rule][attribute])
    if attribute in attributes:
        return ""
    return "%s has no attribute %s. Correct the name, or remove it. The attributes are %s." % (
        rule,
        attribute,
        ", ".join(sorted([key for key in attributes if not key.startswith("_") and key not in COMMON])),
    )

def check_arguments(where, arguments, rule, attributes):
    """Fails if a macro was given an attribute that its rule does not have.

    Args:
      where: the target or repository, for the error.
      arguments: dict, the macro's keyword arguments.
      rule: the macro's name.
      attributes: the attributes of the rule that the macro wraps, and those of every such rule.
    """
    for attribute in arguments:
        error = attribute_error(rule, attribute, attributes)
        if error:
            fail("%s: %s" % (where, error))
