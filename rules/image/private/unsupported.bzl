"""Attributes of rules_docker that have no counterpart, and the sentence that says what to do instead."""

_COMPRESSION = "compression says how a layer is packed, --//rules/image:compression how hard; remove it"
_LOGIN = "the login is the one that docker login stored: set $DOCKER_CONFIG for another folder, and remove it"
_NO_CONTAINER = "bazel run starts no container; remove it"
_NO_TIMES = "times in layers are 0, so that digests depend on content alone; remove it"
_NO_VERSIONS = "images are for Linux, which asks for no version or features; remove it"
_ONE_FORMAT = "there is one format, compressed by the attribute compression; remove it"
_TOOLS = "tools are part of the build; remove it"
_USE_BUNDLE = "container_bundle names images as its keys say; use it"

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
    build_script = "write a rule of your own that makes a layer; container_image takes its tar in tars",
    docker_run_flags = "bazel run starts no container: load NAME.tar and give the flags to docker run, or apply it with k8s_object",
    experimental_tarball_format = _ONE_FORMAT,
    incremental_load_template = _NO_CONTAINER,
    label_file_strings = "label_files maps labels to files; use it",
    launcher = "put the launcher into files, and first in entrypoint",
    launcher_args = "put the arguments into entrypoint",
    legacy_repository_naming = _USE_BUNDLE,
    legacy_run_behavior = _NO_CONTAINER,
    null_cmd = "a new entrypoint drops the base's cmd; remove it",
    null_entrypoint = "name the program in entrypoint",
    os_version = _NO_VERSIONS,
    repository = _USE_BUNDLE,
    tag_name = _USE_BUNDLE,
)

# The refused attributes of each macro, by its name.
REFUSED = {
    "container_bundle": {
        "docker_run_flags": _OF_IMAGES["docker_run_flags"],
        "experimental_tarball_format": _ONE_FORMAT,
        "extract_config": _TOOLS,
        "image_target_strings": "images maps names to images; use it",
        "image_targets": "images maps names to images; use it",
        "tar_output": "the archive is NAME.tar; use that name, and remove it",
    },
    "container_image": _OF_IMAGES,
    "container_layer": dict(
        _OF_LAYERS,
        operating_system = "layers are for Linux, as operating_system of the image says; remove it",
    ),
    "container_load": {},
    "container_pull": {
        "cred_helpers": "docker's config.json names credential helpers; write them there, and remove it",
        "docker_client_config": _LOGIN,
        "import_tags": "@NAME//image has no tags of its own; remove it",
        "os_features": _NO_VERSIONS,
        "os_version": _NO_VERSIONS,
        "platform_features": _NO_VERSIONS,
        "puller_darwin": _TOOLS,
        "puller_linux": _TOOLS,
        "puller_linux_amd64": _TOOLS,
        "puller_linux_arm64": _TOOLS,
        "puller_linux_s390x": _TOOLS,
        "timeout": "a pull has half an hour, and the next one goes on where it broke off; remove it",
    },
    "container_push": {
        "docker_client_config": _LOGIN,
        "extension": "what bazel run starts is named like the target; remove it",
        "retry_count": "what can be tried again is tried again by itself; remove it",
        "tag_tpl": _TOOLS,
        "windows_paths": "images are pushed from Linux; remove it",
    },
    "debian_image": _OF_IMAGES,
    "py_image": _OF_IMAGES,
}

# Attributes that every rule has.
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

def refusal(rule, attribute, attributes):
    """What to say of an attribute that a macro was given.

    Args:
      rule: the macro's name.
      attribute: the attribute's name.
      attributes: the attributes of the rule behind it.
    Returns:
      string. Empty: it may have it.
    """
    if attribute in REFUSED[rule]:
        return "%s is not supported: %s" % (attribute, REFUSED[rule][attribute])
    if attribute in attributes:
        return ""
    return "%s has no attribute %s: correct the name, or remove it; it has %s" % (
        rule,
        attribute,
        ", ".join(sorted([key for key in attributes if not key.startswith("_") and key not in COMMON])),
    )

def check_arguments(where, arguments, rule, attributes):
    """Fails with one sentence where a macro was given what its rule does not have.

    Args:
      where: the target or repository, for the error.
      arguments: dict, the macro's keyword arguments.
      rule: the macro's name.
      attributes: the attributes of the rule behind it, with those that every such rule has.
    """
    for attribute in arguments:
        sentence = refusal(rule, attribute, attributes)
        if sentence:
            fail("%s: %s" % (where, sentence))
