"""From layers to an image: the part that every image rule shares."""

load("//rules/image/private:layer.bzl", "check_paths", "label_text")
load("//rules/image/private:providers.bzl", "ImageInfo")

# Unix, and what `user` may be: the name of an account that exists only inside the image says nothing to a cluster that
# requires runAsNonRoot, so numbers are preferred; names are let through for bases that have them.
_NAME = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-:"

IMAGE_ATTRS = {
    "architecture": attr.string(
        doc = "The machine it runs on, in OCI's words (amd64, arm64). Empty: what the base or the packages are for, else amd64.",
    ),
    "base": attr.label(
        doc = "The image whose layers and settings this one builds on. None: an empty image.",
        providers = [ImageInfo],
    ),
    "cmd": attr.string_list(
        doc = "Arguments for the entrypoint when the container gets none. Empty: the base's, or none where entrypoint is set.",
    ),
    "creation_time": attr.string(
        doc = "Seconds since 1970, or an RFC 3339 time in UTC. Empty: 1970, so that equal content has an equal digest.",
    ),
    "entrypoint": attr.string_list(
        doc = "The program and its first arguments. Empty: the base's.",
    ),
    "label_files": attr.label_keyed_string_dict(
        doc = "Labels whose values are read from files: file to label, or to several, each on a line. Empty: none.",
        allow_files = True,
    ),
    "labels": attr.string_dict(
        doc = "Labels (annotations in the config), added to the base's. Empty: the base's.",
    ),
    "operating_system": attr.string(
        doc = "The operating system it runs on.",
        default = "linux",
        values = ["linux"],
    ),
    "ports": attr.string_list(
        doc = "Ports the program listens on, `8080` or `53/udp`, added to the base's. Empty: the base's.",
    ),
    "user": attr.string(
        doc = "Numeric user, or USER:GROUP, the program runs as. Empty: the base's.",
    ),
    "volumes": attr.string_list(
        doc = "Paths at which storage is meant to be mounted, added to the base's. Empty: the base's.",
    ),
    "workdir": attr.string(
        doc = "The folder the program starts in. Empty: the base's.",
    ),
    "_archive_tool": attr.label(
        doc = "The program that writes archives and layouts.",
        default = "//rules/image/tools:archive_tool",
        executable = True,
        cfg = "exec",
    ),
    "_image_tool": attr.label(
        doc = "The program that writes config and manifest.",
        default = "//rules/image/tools:image_tool",
        executable = True,
        cfg = "exec",
    ),
}

def check_settings(attr):
    """Fails with one sentence where an image setting has a value that cannot be meant.

    Args:
      attr: ctx.attr of a rule with IMAGE_ATTRS.
    """
    for port in attr.ports:
        number, _, protocol = port.partition("/")
        if not number.isdigit() or not 1 <= int(number) or not int(number) <= 65535 or protocol not in ("", "tcp", "udp", "sctp"):
            fail("ports: found '%s': write a number from 1 to 65535, with /tcp, /udp or /sctp after it or not" % port)
    if [c for c in attr.user.elems() if c not in _NAME]:
        fail("user: found '%s': write a number or USER:GROUP, such as 65532:65532" % attr.user)
    if attr.workdir and not attr.workdir.startswith("/"):
        fail("workdir: found '%s': write a path that begins with '/'" % attr.workdir)
    check_paths(attr.volumes, "volumes")

def _settings(attr, env):
    """The settings that oci.build_config takes; None keeps what the base has."""
    return struct(
        architecture = attr.architecture or None,
        cmd = attr.cmd or None,
        created = attr.creation_time or None,
        entrypoint = attr.entrypoint or None,
        env = env,
        labels = attr.labels,
        os = attr.operating_system,
        ports = attr.ports,
        user = attr.user or None,
        volumes = attr.volumes,
        workdir = attr.workdir or None,
    )

def _archive_name(label):
    """The name an image has after `docker load`: bazel/PACKAGE:TARGET, in the characters that names may have."""
    text = "bazel/" + label.package if label.package else "bazel"
    repository = "".join([c if c in "abcdefghijklmnopqrstuvwxyz0123456789/" else "-" for c in text.lower().elems()])
    parts = [p.strip("-") for p in repository.split("/")]
    tag = "".join([c if c.isalnum() or c in "_.-" else "-" for c in label.name.elems()]).lstrip(".-")
    return "%s:%s" % ("/".join([p for p in parts if p]), tag or "latest")

def _archive(ctx, manifest, config, layers, option, output):
    """Declares the action that puts the image into one tar or folder."""
    args = ctx.actions.args()
    args.add("--manifest", manifest)
    args.add("--config", config)
    args.add_all([layer.blob for layer in layers], before_each = "--layer")
    args.add("--name", _archive_name(ctx.label))
    args.add_all([output], before_each = option, expand_directories = False)
    ctx.actions.run(
        executable = ctx.attr._archive_tool[DefaultInfo].files_to_run,
        arguments = [args],
        inputs = [manifest, config] + [layer.blob for layer in layers],
        outputs = [output],
        mnemonic = "ImageArchive",
        progress_message = "Writing %s" % output.short_path,
    )

def assemble(ctx, new_layers, *, env = {}, attr = None):
    """Declares the actions from layers to an image.

    Args:
      ctx: context of a rule with IMAGE_ATTRS.
      new_layers: list of structs or LayerInfo with blob and descriptor, lowest first, to put on the base's.
      env: dict of environment variables.
      attr: struct to read IMAGE_ATTRS from. None: ctx.attr.
    Returns:
      list of providers: DefaultInfo (manifest, config, digest), ImageInfo, OutputGroupInfo (oci_layout, archive, digest, layers).
    """
    attr = attr or ctx.attr
    base = ctx.attr.base[ImageInfo] if ctx.attr.base else None
    name = ctx.label.name
    manifest = ctx.actions.declare_file(name + ".manifest.json")
    config = ctx.actions.declare_file(name + ".config.json")
    digest = ctx.actions.declare_file(name + ".digest")
    settings = ctx.actions.declare_file(name + ".settings.json")
    ctx.actions.write(settings, json.encode(_settings(attr, env)))

    args = ctx.actions.args()
    args.add("--where", label_text(ctx.label))
    args.add("--manifest", manifest)
    args.add("--config", config)
    args.add("--digest", digest)
    args.add("--settings", settings)
    descriptors = [layer.descriptor for layer in new_layers]
    args.add_all(descriptors, before_each = "--layer")
    inputs = [settings] + descriptors
    if base:
        args.add("--base-config", base.config)
        args.add("--base-manifest", base.manifest)
        inputs += [base.config, base.manifest]
    for target, labels in ctx.attr.label_files.items():
        files = target[DefaultInfo].files.to_list()
        if len(files) != 1:
            fail("label_files: %s has %d files: name a target with one" % (target.label, len(files)))
        for label in labels.split("\n"):
            args.add_all(["--label-file", label, files[0]])
        inputs += files
    args.use_param_file("@%s")
    args.set_param_file_format("multiline")
    ctx.actions.run(
        executable = ctx.attr._image_tool[DefaultInfo].files_to_run,
        arguments = [args],
        inputs = inputs,
        outputs = [manifest, config, digest],
        mnemonic = "ImageManifest",
        progress_message = "Writing image %s" % label_text(ctx.label),
    )

    layers = (base.layers if base else []) + [struct(blob = layer.blob, descriptor = layer.descriptor) for layer in new_layers]
    archive = ctx.actions.declare_file(name + ".tar")
    _archive(ctx, manifest, config, layers, "--tar", archive)
    layout = ctx.actions.declare_directory(name + ".oci")
    _archive(ctx, manifest, config, layers, "--layout", layout)
    return [
        DefaultInfo(files = depset([manifest, config, digest])),
        ImageInfo(archive = archive, config = config, digest = digest, layers = layers, manifest = manifest),
        OutputGroupInfo(
            archive = depset([archive]),
            digest = depset([digest]),
            layers = depset([layer.blob for layer in layers]),
            oci_layout = depset([layout]),
        ),
    ]

def merged_env(layers, env):
    """The environment of an image: what its layers set, in order, then its own.

    Args:
      layers: list of LayerInfo.
      env: dict, the image's own.
    Returns:
      dict.
    """
    result = {}
    for layer in layers:
        result.update(layer.env)
    result.update(env)
    return result
