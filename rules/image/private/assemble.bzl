"""Assembles layers into an image: the part that all image rules share."""

load("//rules/common:labels.bzl", "label_text")
load("//rules/common:make_variables.bzl", "expand")
load("//rules/common:stamping.bzl", "stamp_keys")
load("//rules/image/private:actions.bzl", "run_image_tool")
load("//rules/image/private:arguments.bzl", "stamp_attr")
load("//rules/image/private:layer.bzl", "check_paths")
load("//rules/image/private:prebuilt.bzl", "PREBUILT", "PREBUILT_ATTRS", "archive_name", "image_info", "image_providers", "list_folders", "write_archive")
load("//rules/image/private:providers.bzl", "ImageInfo")

# The characters of `user`. Numbers are better: a cluster that requires runAsNonRoot cannot judge the name of an account
# that exists only inside the image. Names are allowed for base images that use them.
_NAME = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-:"

IMAGE_ATTRS = {
    "architecture": attr.string(
        doc = "The CPU architecture, as OCI names it (`amd64`, `arm64`). Empty: the architecture of the base or the packages, else amd64.",
    ),
    "base": attr.label(
        doc = "The base image, which this image's layers and settings build on. None: an empty image.\n\n" + PREBUILT,
        allow_files = True,
    ),
    "cmd": attr.string_list(
        doc = """Arguments for the entrypoint if the container is given none. Unset: the base's, or none if `entrypoint` is set.

None, an empty list or an empty string clears those of the base.""",
    ),
    "creation_time": attr.string(
        doc = """The time of creation: seconds since 1970 or an RFC 3339 time. Empty: 1970, so that equal content has an equal digest.

With `stamp` it also takes `{BUILD_TIMESTAMP}`, which is then the default. Without Bazel's `--stamp`, which `stamp` follows by
default, a stamp variable here counts as empty.""",
    ),
    "entrypoint": attr.string_list(
        doc = """The program and its first arguments. Unset: the base's.

A new entrypoint drops the base's `cmd`. None, an empty list or an empty string clears the entrypoint of the base.""",
    ),
    "label_files": attr.label_keyed_string_dict(
        doc = "Labels with values read from files. Maps a file to its label, or to several labels, one per line. Empty: none.",
        allow_files = True,
    ),
    "labels": attr.string_dict(
        doc = """Labels of the image config, added to the base's. Empty: the base's.

`$(NAME)` is a Make variable and `$$` is a dollar sign. A value that starts with `@` names a file with the label's value, as in
rules_docker.""",
    ),
    "null_cmd": attr.bool(
        doc = "Clear the base's `cmd`. An empty `cmd` sets this.",
    ),
    "null_entrypoint": attr.bool(
        doc = "Clear the base's `entrypoint`. An empty `entrypoint` sets this.",
    ),
    "operating_system": attr.string(
        doc = "The operating system it runs on.",
        default = "linux",
        values = ["linux"],
    ),
    "ports": attr.string_list(
        doc = "Ports that the program listens on, such as `8080` or `53/udp`, added to the base's. Empty: the base's.",
    ),
    "stamp": stamp_attr(
        """Replace stamp variables such as `{BUILD_USER}` with their values from Bazel's workspace status.

Stamp variables are replaced in `creation_time`, `cmd`, `entrypoint`, `user`, `workdir` and in the values of `env` and
`labels`. A stamp variable is `{KEY}`, where KEY has capital letters, digits and underscores. `creation_time` is
`{BUILD_TIMESTAMP}` unless it is set.""",
    ),
    "user": attr.string(
        doc = "The numeric user, or `USER:GROUP`, that the program runs as. Empty: the base's.",
    ),
    "volumes": attr.string_list(
        doc = "Paths where storage should be mounted, added to the base's. Empty: the base's.",
    ),
    "workdir": attr.string(
        doc = "The folder the program starts in. Empty: the base's.",
    ),
    "_image_tool": attr.label(
        doc = "The program that writes the config and the manifest.",
        default = Label("//rules/image/tools/images:image_tool"),
        executable = True,
        cfg = "exec",
    ),
}

IMAGE_ATTRS.update(PREBUILT_ATTRS)

def check_settings(attr):
    """Fails if an image setting has an invalid value.

    Args:
      attr: ctx.attr of a rule with IMAGE_ATTRS.
    """
    for port in attr.ports:
        number, _, protocol = port.partition("/")
        if not number.isdigit() or not 1 <= int(number) or not int(number) <= 65535 or protocol not in ("", "tcp", "udp", "sctp"):
            fail("ports: '%s' is not a port. Use a number from 1 to 65535, optionally followed by /tcp, /udp or /sctp." % port)
    if [c for c in attr.user.elems() if c not in _NAME + ("{}" if attr.stamp else "")]:
        fail("user: '%s' is not a user. Use a number or USER:GROUP, such as 65532:65532." % attr.user)
    if attr.workdir and not attr.workdir.startswith("/"):
        fail("workdir: '%s' is not an absolute path. Use a path that starts with '/'." % attr.workdir)
    check_paths(attr.volumes, "volumes")
    for path in attr.volumes:
        if not path.startswith("/"):
            fail("volumes: '%s' is not an absolute path. Use a path that starts with '/'." % path)

# Files with a label of their own: //a:NAME.tar is built only on request.
IMAGE_OUTPUTS = {
    "archive": "%{name}.tar",
    "digest": "%{name}.digest",
}

def _expand_env(ctx, env):
    """Returns environment variables with their Make variables expanded."""
    return {expand(ctx, "env", key): expand(ctx, "env", value) for key, value in env.items()}

def _settings(ctx, attr, envs):
    """Returns the settings that the image tool takes; None keeps the base's value, and an empty command clears it."""
    return struct(
        architecture = attr.architecture or None,
        cmd = attr.cmd or ([] if attr.null_cmd else None),
        # A time that only a build with --stamp has is unset in others.
        created = attr.creation_time if attr.creation_time and (attr.stamp >= 0 or not stamp_keys(attr.creation_time)) else None,
        entrypoint = attr.entrypoint or ([] if attr.null_entrypoint else None),
        envs = [_expand_env(ctx, env) for env in envs if env],
        labels = {key: expand(ctx, "labels", value) for key, value in attr.labels.items()},
        os = attr.operating_system,
        ports = attr.ports,
        user = attr.user or None,
        volumes = attr.volumes,
        workdir = attr.workdir or None,
    )

def assemble(ctx, new_layers, *, env = {}, attr = None, base = None, checks = []):
    """Declares the actions that turn layers into an image.

    Args:
      ctx: context of a rule with IMAGE_ATTRS.
      new_layers: list of structs or LayerInfo with blob and descriptor, lowest first, to put on top of the base's layers.
      env: dict of environment variables, set after those of the layers.
      attr: struct to read IMAGE_ATTRS from. None: ctx.attr.
      base: ImageInfo of the base. None: the image of ctx.attr.base, if that is set.
      checks: list of Files of actions that must succeed before the image is built.
    Returns:
      list of providers: DefaultInfo (manifest, config, digest), ImageInfo, OutputGroupInfo (oci_layout, archive, digest, layers).
    """
    attr = attr or ctx.attr
    if not base and ctx.attr.base:
        base = image_info(ctx, ctx.attr.base, "base", attr.architecture, attr.operating_system)
    name = ctx.label.name
    status = [ctx.info_file, ctx.version_file] if attr.stamp == 1 else []
    manifest = ctx.actions.declare_file(name + ".manifest.json")
    config = ctx.actions.declare_file(name + ".config.json")
    digest = ctx.outputs.digest
    settings = ctx.actions.declare_file(name + ".settings.json")
    ctx.actions.write(settings, json.encode(_settings(ctx, attr, [getattr(layer, "env", {}) for layer in new_layers] + [env])))

    args = ctx.actions.args()
    args.add(label_text(ctx.label), format = "--where=%s")
    args.add(manifest, format = "--manifest=%s")
    args.add(config, format = "--config=%s")
    args.add(digest, format = "--digest=%s")
    args.add(settings, format = "--settings=%s")
    descriptors = [layer.descriptor for layer in new_layers]
    args.add_all(descriptors, format_each = "--layer=%s")
    args.add_all(status, format_each = "--status=%s")
    inputs = [settings] + descriptors + status + checks
    if base:
        args.add(base.config, format = "--base-config=%s")
        args.add(base.manifest, format = "--base-manifest=%s")
        inputs += [base.config, base.manifest]
    for target, labels in ctx.attr.label_files.items():
        files = target[DefaultInfo].files.to_list()
        if len(files) != 1:
            fail("label_files: %s has %d files. Use a target with exactly one file." % (target.label, len(files)))
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
    folders = list_folders(ctx, name + ".folders.json", base = base.folders if base else None, own = new_layers)
    info = ImageInfo(archive = archive, config = config, digest = digest, folders = folders, layers = layers, manifest = manifest)
    write_archive(ctx, {archive_name(ctx.label): info}, "--tar", archive)
    return image_providers(ctx, info, name + ".oci")
