"""From layers to an image: the part that every image rule shares."""

load("//rules/image/private:actions.bzl", "run_image_tool")
load("//rules/image/private:prebuilt.bzl", "PREBUILT", "PREBUILT_ATTRS", "archive_name", "image_info", "image_providers", "label_text", "write_archive")
load("//rules/image/private:layer.bzl", "check_paths")
load("//rules/image/private:providers.bzl", "ImageInfo")

# Unix, and what `user` may be: the name of an account that exists only inside the image says nothing to a cluster that
# requires runAsNonRoot, so numbers are preferred; names are let through for bases that have them.
_NAME = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-:"

IMAGE_ATTRS = {
    "architecture": attr.string(
        doc = "The machine it runs on, in OCI's words (amd64, arm64). Empty: what the base or the packages are for, else amd64.",
    ),
    "base": attr.label(
        doc = "What this image's layers and settings build on. None: an empty image. " + PREBUILT,
        allow_files = True,
    ),
    "cmd": attr.string_list(
        doc = "Arguments for the entrypoint when the container gets none. Empty: the base's, or none where entrypoint is set.",
    ),
    "creation_time": attr.string(
        doc = "Seconds since 1970, or an RFC 3339 time; with stamp also {BUILD_TIMESTAMP}. Empty: 1970, so that equal content has an equal digest.",
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
    "stamp": attr.bool(
        doc = "Fill in stamp variables such as {BUILD_USER} in creation_time, cmd, entrypoint, user, workdir and the values of env and labels; creation_time is then {BUILD_TIMESTAMP} unless set.",
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
    "_image_tool": attr.label(
        doc = "The program that writes config and manifest.",
        default = "//rules/image/tools:image_tool",
        executable = True,
        cfg = "exec",
    ),
}

IMAGE_ATTRS.update(PREBUILT_ATTRS)

def check_settings(attr):
    """Fails with one sentence where an image setting has a value that cannot be meant.

    Args:
      attr: ctx.attr of a rule with IMAGE_ATTRS.
    """
    for port in attr.ports:
        number, _, protocol = port.partition("/")
        if not number.isdigit() or not 1 <= int(number) or not int(number) <= 65535 or protocol not in ("", "tcp", "udp", "sctp"):
            fail("ports: found '%s': write a number from 1 to 65535, with /tcp, /udp or /sctp after it or not" % port)
    if [c for c in attr.user.elems() if c not in _NAME + ("{}" if attr.stamp else "")]:
        fail("user: found '%s': write a number or USER:GROUP, such as 65532:65532" % attr.user)
    if attr.workdir and not attr.workdir.startswith("/"):
        fail("workdir: found '%s': write a path that begins with '/'" % attr.workdir)
    check_paths(attr.volumes, "volumes")
    for path in attr.volumes:
        if not path.startswith("/"):
            fail("volumes: found '%s': write a path that begins with '/'" % path)

# What can be named as a file of its own: //a:NAME.tar is built when something asks for it.
IMAGE_OUTPUTS = {
    "archive": "%{name}.tar",
    "digest": "%{name}.digest",
}

def expand(ctx, attribute, value):
    """A text with $(VARIABLE) filled in and $$ as one dollar sign; other dollar signs stay, for env's $NAME.

    Args:
      ctx: a rule's context.
      attribute: the attribute's name, for the error.
      value: string.
    Returns:
      string.
    """
    return "$".join([_expand_part(ctx, attribute, value, part) for part in value.split("$$")])

def _expand_part(ctx, attribute, value, text):
    """A part of the value without $$, with $(VARIABLE) filled in."""
    parts = text.split("$(")
    front = parts[0]
    for part in parts[1:]:
        name, closed, after = part.partition(")")
        if not closed or not name:
            fail("%s: found '%s', where $( begins no $(NAME): write $$ for a dollar sign" % (attribute, value))
        if name not in ctx.var:
            fail("%s: found '%s': $(%s) is no Make variable: define it with --define=%s=VALUE, or write $$ for a dollar sign" % (attribute, value, name, name))
        front += ctx.var[name] + after
    return front

def _settings(ctx, attr, env):
    """The settings that oci.build_config takes; None keeps what the base has."""
    return struct(
        architecture = attr.architecture or None,
        cmd = attr.cmd or None,
        created = attr.creation_time or None,
        entrypoint = attr.entrypoint or None,
        env = {expand(ctx, "env", key): expand(ctx, "env", value) for key, value in env.items()},
        labels = {key: expand(ctx, "labels", value) for key, value in attr.labels.items()},
        os = attr.operating_system,
        ports = attr.ports,
        user = attr.user or None,
        volumes = attr.volumes,
        workdir = attr.workdir or None,
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
    base = image_info(ctx, ctx.attr.base, "base", attr.architecture, attr.operating_system) if ctx.attr.base else None
    name = ctx.label.name
    status = [ctx.info_file, ctx.version_file] if attr.stamp else []
    manifest = ctx.actions.declare_file(name + ".manifest.json")
    config = ctx.actions.declare_file(name + ".config.json")
    digest = ctx.outputs.digest
    settings = ctx.actions.declare_file(name + ".settings.json")
    ctx.actions.write(settings, json.encode(_settings(ctx, attr, env)))

    args = ctx.actions.args()
    args.add(label_text(ctx.label), format = "--where=%s")
    args.add(manifest, format = "--manifest=%s")
    args.add(config, format = "--config=%s")
    args.add(digest, format = "--digest=%s")
    args.add(settings, format = "--settings=%s")
    descriptors = [layer.descriptor for layer in new_layers]
    args.add_all(descriptors, format_each = "--layer=%s")
    args.add_all(status, format_each = "--status=%s")
    inputs = [settings] + descriptors + status
    if base:
        args.add(base.config, format = "--base-config=%s")
        args.add(base.manifest, format = "--base-manifest=%s")
        inputs += [base.config, base.manifest]
    for target, labels in ctx.attr.label_files.items():
        files = target[DefaultInfo].files.to_list()
        if len(files) != 1:
            fail("label_files: %s has %d files: name a target with one" % (target.label, len(files)))
        for label in labels.split("\n"):
            args.add_all(["--label-file", label, files[0]])
        inputs += files
    run_image_tool(
        ctx,
        ctx.attr._image_tool[DefaultInfo].files_to_run,
        args,
        inputs = inputs,
        outputs = [manifest, config, digest],
        mnemonic = "ImageManifest",
        message = "Writing image %s" % label_text(ctx.label),
        worker = True,
    )

    layers = (base.layers if base else []) + [struct(blob = layer.blob, descriptor = layer.descriptor) for layer in new_layers]
    archive = ctx.outputs.archive
    info = ImageInfo(archive = archive, config = config, digest = digest, layers = layers, manifest = manifest)
    write_archive(ctx, {archive_name(ctx.label): info}, "--tar", archive)
    return image_providers(ctx, info, name + ".oci")

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
