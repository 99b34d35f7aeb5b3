"""container_layer: files, tars and Debian packages as one layer."""

load("//rules/image/private:actions.bzl", "run_image_tool")
load("//rules/image/private:arguments.bzl", "check_target")
load("//rules/image/private:compression.bzl", "CompressionInfo")
load("//rules/image/private:prebuilt.bzl", "label_text")
load("//rules/image/private:providers.bzl", "LayerInfo")

_DOC = """Makes one layer. Its bytes depend on nothing but the files' content and this rule's attributes: entries are sorted,
times are 0, owners are numbers.

```
container_layer(
    name = "config",
    directory = "/etc/shop",
    files = ["shop.toml"],
)
```
"""

CONTENT_ATTRS = {
    "data_path": attr.string(
        doc = """Which part of the files' paths is kept below `directory`: what follows this folder of the package (`.` is the
package itself) or, where it begins with `/`, of the workspace. Empty: only the file names are kept.""",
    ),
    "debs": attr.label_list(
        doc = "Debian packages whose files are added, usr-merged. Their maintainer scripts are not run. Empty: none.",
        allow_files = [".deb"],
    ),
    "directory": attr.string(
        doc = "Folder of the image that `files` and `tars` go to.",
        default = "/",
    ),
    "empty_dirs": attr.string_list(
        doc = "Paths of folders to make. Empty: none but those that files lie in.",
    ),
    "empty_files": attr.string_list(
        doc = "Paths of files without content to make. Empty: none.",
    ),
    "env": attr.string_dict(
        doc = "Environment variables that the image sets; `$NAME` in a value stands for what the base has. Empty: the base's.",
    ),
    "files": attr.label_list(
        doc = "Files and directories of the build to add. Empty: none.",
        allow_files = True,
    ),
    "mode": attr.string(
        doc = "Permissions of `files`, octal; `empty_files` have 0444. Empty: 0555 for executable files, 0444 for others.",
        default = "0o555",
    ),
    "owner": attr.string(
        doc = "Numeric UID:GID that owns `files`, `empty_files`, `empty_dirs` and `symlinks`.",
        default = "65532:65532",
    ),
    "symlinks": attr.string_dict(
        doc = "Symbolic links: path in the image to what it points to. Empty: none.",
    ),
    "tars": attr.label_list(
        doc = "Tars (.tar, .tar.gz, .tgz, .tar.bz2, .tar.xz) whose entries are added with their modes and numeric owners. Empty: none.",
        allow_files = [".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz"],
    ),
}

COMPRESSION_ATTR = attr.string(
    doc = "How the layer is packed: zstd, gzip (for Docker before 23), or none. Empty: as --//rules/image:compression says.",
    values = ["", "gzip", "none", "zstd"],
)

# What every rule and aspect that writes layers needs.
LAYER_ATTRS = {
    "_compression": attr.label(
        doc = "The build setting for layers whose rule does not say how they are packed.",
        default = "//rules/image:compression",
    ),
    "_layer_tool": attr.label(
        doc = "The program that writes layers.",
        default = "//rules/image/tools:layer_tool",
        executable = True,
        cfg = "exec",
    ),
}

_ATTRS = dict(
    CONTENT_ATTRS,
    compression = COMPRESSION_ATTR,
    **LAYER_ATTRS
)

def check_paths(paths, attribute):
    """Fails if one of the paths, meant to be inside an image, climbs out of it.

    Args:
      paths: list of paths.
      attribute: the attribute to name in the message.
    """
    for path in paths:
        if ".." in path.split("/"):
            fail("%s: found '%s', which climbs out with '..': write the path it should have in the image" % (attribute, path))
        if not path.strip("/."):
            fail("%s: found '%s': write the path of something below the image's root" % (attribute, path))

def check_content(attr):
    """Fails with one sentence where a content attribute has a value that cannot be meant.

    Args:
      attr: ctx.attr of a rule with CONTENT_ATTRS.
    """
    if ".." in attr.directory.split("/"):
        fail("directory: found '%s', which climbs out with '..': write a folder of the image" % attr.directory)
    check_paths(attr.empty_dirs, "empty_dirs")
    check_paths(attr.empty_files, "empty_files")
    check_paths(attr.symlinks.keys(), "symlinks")
    mode = attr.mode[2:] if attr.mode.startswith("0o") else attr.mode
    if len(mode) > 5 or [c for c in mode.elems() if c not in "01234567"]:
        fail("mode: found '%s': write an octal number such as 0o555, or nothing" % attr.mode)
    numbers = attr.owner.split(":")
    if len(numbers) != 2 or not numbers[0].isdigit() or not numbers[1].isdigit():
        fail("owner: found '%s': write numbers as UID:GID, such as 65532:65532; an image's user names need not exist here" % attr.owner)

def _relative(file, package, data_path):
    """Where a file goes below `directory`."""
    path = file.short_path[3:].partition("/")[2] if file.short_path.startswith("../") else file.short_path
    if data_path == "":
        return file.basename
    if data_path.startswith("/"):
        parts = data_path.split("/")
    else:
        parts = package.split("/") + data_path.split("/")
    front = "/".join([part for part in parts if part not in ("", ".")])
    if front and not path.startswith(front + "/"):
        fail("data_path: '%s' is not below '%s': list files from there, or change data_path" % (path, front))
    return path[len(front):].lstrip("/")

def add_content(args, ctx):
    """Adds the arguments for CONTENT_ATTRS to a layer tool's command line.

    Args:
      args: Args.
      ctx: a rule's context, with CONTENT_ATTRS.
    """
    for file in ctx.files.files:
        where = _relative(file, ctx.label.package, ctx.attr.data_path)
        if file.is_directory:
            # The folder's content is known only when the action runs: the tool lists it.
            args.add_all(["--tree", where])
            args.add_all([file], expand_directories = False)
        else:
            args.add_all(["--file", where, file])
    args.add_all(ctx.files.tars, format_each = "--tar=%s")
    args.add_all(ctx.files.debs, format_each = "--deb=%s")
    args.add(ctx.attr.directory, format = "--directory=%s")
    args.add_all(ctx.attr.empty_dirs, format_each = "--empty-dir=%s")
    args.add_all(ctx.attr.empty_files, format_each = "--empty-file=%s")
    for path, target in ctx.attr.symlinks.items():
        args.add_all(["--symlink", path, target])
    args.add(ctx.attr.mode, format = "--mode=%s")
    args.add(ctx.attr.owner, format = "--owner=%s")

def has_content(attr):
    """Says whether a rule with CONTENT_ATTRS was given anything to put into a layer.

    Args:
      attr: ctx.attr.
    Returns:
      bool.
    """
    return bool(attr.files or attr.tars or attr.debs or attr.empty_dirs or attr.empty_files or attr.symlinks)

def write_layer(ctx, name, args, inputs, *, compression = "", what = None):
    """Declares the action that writes one layer.

    Args:
      ctx: a rule's or aspect's context, with LAYER_ATTRS.
      name: the outputs' name, without an ending.
      args: Args with the layer's content.
      inputs: depset of Files.
      compression: zstd, gzip or none. Empty: what the build setting says.
      what: what the image's history says the layer is. None: the target's label.
    Returns:
      struct(blob = File, descriptor = File).
    """
    kind = compression or ctx.attr._compression[CompressionInfo].kind
    blob = ctx.actions.declare_file(name + ".layer.tar" + {"gzip": ".gz", "none": "", "zstd": ".zst"}[kind])
    descriptor = ctx.actions.declare_file(name + ".layer.json")
    what = what or label_text(ctx.label)
    args.add(what, format = "--where=%s")
    args.add(blob, format = "--blob=%s")
    args.add(descriptor, format = "--descriptor=%s")
    args.add(kind if kind != "zstd" else "zstd:%d" % ctx.attr._compression[CompressionInfo].level, format = "--compression=%s")
    run_image_tool(
        ctx,
        ctx.attr._layer_tool[DefaultInfo].files_to_run,
        args,
        inputs = inputs,
        outputs = [blob, descriptor],
        mnemonic = "ImageLayer",
        message = "Writing layer %s" % what,
        worker = True,
    )
    return struct(blob = blob, descriptor = descriptor)

def _impl(ctx):
    check_content(ctx.attr)
    args = ctx.actions.args()
    add_content(args, ctx)
    layer = write_layer(
        ctx,
        ctx.label.name,
        args,
        depset(ctx.files.files + ctx.files.tars + ctx.files.debs),
        compression = ctx.attr.compression,
    )
    return [
        DefaultInfo(files = depset([layer.blob, layer.descriptor])),
        LayerInfo(blob = layer.blob, descriptor = layer.descriptor, env = ctx.attr.env),
    ]

container_layer_rule = rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
    provides = [LayerInfo],
)

def container_layer(name, **kwargs):
    """Makes a layer; see the rule's text above and its attributes.

    Args:
      name: the target's name.
      **kwargs: the rule's attributes.
    """
    check_target(name, kwargs, "container_layer", _ATTRS)
    container_layer_rule(name = name, **kwargs)
