"""Attributes and actions of every rule that writes layers."""

load("//rules/common:labels.bzl", "label_text")
load("//rules/common:runfiles.bzl", "path_in_repository")
load("//rules/image/private:actions.bzl", "run_image_tool")
load("//rules/image/private:compression.bzl", "CompressionInfo")

# Part of the doc of each `env` attribute of images and layers.
EXPANSION = """`$(NAME)` is a Make variable and `$$` is a dollar sign. After that, `$NAME` in a value of `env` is the value that the layers and
the base give it; write `$$$$NAME` for the text `$NAME`."""

# The default of `mode`, as in rules_docker. It is for programs: folders with it could not be written to by their owner.
_MODE = "0o555"

CONTENT_ATTRS = {
    "data_path": attr.string(
        doc = """The folder that file paths below `directory` are relative to. Empty: only file names are kept.

`.` and `conf` are folders of the package; `/` and `/conf` are folders of the workspace. A file elsewhere keeps its path from
the workspace, as in rules_docker.""",
    ),
    "debs": attr.label_list(
        doc = "Debian packages to unpack, usr-merged. Their maintainer scripts do not run. Empty: none.",
        allow_files = [".deb"],
    ),
    "directory": attr.string(
        doc = "The folder in the image for `files` and `tars`.",
        default = "/",
    ),
    "empty_dirs": attr.string_list(
        doc = "Paths of folders to create. Empty: only the folders that contain files.",
    ),
    "empty_files": attr.string_list(
        doc = "Paths of empty files to create. Empty: none.",
    ),
    "env": attr.string_dict(
        doc = "Environment variables, added to the base's. Empty: the base's.\n\n" + EXPANSION,
    ),
    "files": attr.label_list(
        doc = """Files and directories of the build to add. Empty: none.

File names with characters beyond ASCII need a UTF-8 locale where Bazel runs.""",
        allow_files = True,
    ),
    "mode": attr.string(
        doc = """Permissions of `files`, `empty_files` and `empty_dirs`, in octal. Empty: 0555 for executable files, 0444 for others.

With the default or an empty string, `empty_files` have 0444 and `empty_dirs` 0755.""",
        default = _MODE,
    ),
    "owner": attr.string(
        doc = "Numeric `UID:GID` that owns `files`, `empty_files`, `empty_dirs` and `symlinks`.",
        default = "65532:65532",
    ),
    "symlinks": attr.string_dict(
        doc = "Symbolic links: the path in the image to the link's target. Empty: none.",
    ),
    "tars": attr.label_list(
        doc = """Tars to unpack, with their entries' modes and numeric owners. Empty: none.

Formats are .tar, .tar.gz, .tgz, .tar.bz2, .tar.xz and .tar.zst. If a tar has a path twice, the last entry counts. Entries keep
`security.capability`, `user.*` and POSIX ACLs. SELinux's and AppArmor's labels, which belong to the machine that made the tar,
are left out; other extended attributes are an error. An entry named `.wh.NAME` deletes NAME from the layers below; such
names are an error anywhere but in tars.""",
        allow_files = [".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst"],
    ),
}

COMPRESSION_ATTR = attr.string(
    doc = """Compression of the layer: `zstd`, `gzip` or `none`. Empty: the value of `--//rules/image:compression`.

`gzip` is for Docker before version 23. The attribute applies to the layers that the target itself builds.""",
    values = ["", "gzip", "none", "zstd"],
)

# Attributes of every rule and aspect that writes layers.
LAYER_ATTRS = {
    "_compression": attr.label(
        doc = "The build setting for layers without a compression of their own.",
        default = Label("//rules/image:compression"),
    ),
    "_layer_tool": attr.label(
        doc = "The program that writes layers.",
        default = Label("//rules/image/tools/layers:layer_tool"),
        executable = True,
        cfg = "exec",
    ),
}

def check_paths(paths, attribute):
    """Fails if one of the paths leads out of the image.

    Args:
      paths: list of paths.
      attribute: the attribute to name in the message.
    """
    for path in paths:
        if ".." in path.split("/"):
            fail("%s: '%s' leads out of the image with '..'. Use the path inside the image." % (attribute, path))
        if not path.strip("/."):
            fail("%s: '%s' is the image's root. Use a path below it." % (attribute, path))

def check_content(attr):
    """Fails if a content attribute has an invalid value.

    Args:
      attr: ctx.attr of a rule with CONTENT_ATTRS.
    """
    if ".." in attr.directory.split("/"):
        fail("directory: '%s' leads out of the image with '..'. Use a folder inside the image." % attr.directory)
    check_paths(attr.empty_dirs, "empty_dirs")
    check_paths(attr.empty_files, "empty_files")
    check_paths(attr.symlinks.keys(), "symlinks")
    mode = attr.mode[2:] if attr.mode.startswith("0o") else attr.mode
    if len(mode) > 5 or [c for c in mode.elems() if c not in "01234567"]:
        fail("mode: '%s' is not a file mode. Use an octal number such as 0o555, or an empty string." % attr.mode)
    numbers = attr.owner.split(":")
    if len(numbers) != 2 or not numbers[0].isdigit() or not numbers[1].isdigit():
        fail("owner: '%s' is not an owner. Use numbers as UID:GID, such as 65532:65532; user names of the image may not exist on this machine." % attr.owner)

def _relative(file, package, data_path):
    """Returns the path of a file below `directory`."""
    path = path_in_repository(file)
    if data_path == "":
        return file.basename
    if data_path.startswith("/"):
        parts = data_path.split("/")
    else:
        parts = package.split("/") + data_path.split("/")
    folder = "/".join([part for part in parts if part not in ("", ".")])
    return path[len(folder) + 1:] if folder and path.startswith(folder + "/") else path

def add_content(args, ctx):
    """Adds the arguments for CONTENT_ATTRS to a layer tool's command line.

    Args:
      args: Args.
      ctx: a rule's context, with CONTENT_ATTRS.
    """
    for file in ctx.files.files:
        where = _relative(file, ctx.label.package, ctx.attr.data_path)
        if file.is_directory:
            # The folder's content is unknown until the action runs, so the tool lists it.
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
    if ctx.attr.mode not in ("", _MODE):
        args.add(ctx.attr.mode, format = "--mode-of-empty=%s")
    args.add(ctx.attr.owner, format = "--owner=%s")

def has_content(attr):
    """Returns whether a rule with CONTENT_ATTRS has anything to put into a layer.

    Args:
      attr: ctx.attr.
    Returns:
      bool.
    """
    return bool(attr.files or attr.tars or attr.debs or attr.empty_dirs or attr.empty_files or attr.symlinks)

def write_layer(ctx, name, args, inputs, *, compression = "", lower = None, what = None):
    """Declares the action that writes one layer.

    Args:
      ctx: the context of a rule or an aspect with LAYER_ATTRS.
      name: the outputs' name, without a suffix.
      args: Args with the layer's content.
      inputs: depset of Files.
      compression: zstd, gzip or none. Empty: the build setting.
      lower: File with the folders and links of the layers below, which the layer keeps; see list_folders. None: no layers below.
      what: the layer's entry in the image's history. None: the target's label.
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
    if lower:
        args.add(lower, format = "--lower=%s")
        inputs = depset([lower], transitive = [inputs])
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
