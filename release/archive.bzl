"""release_archive: the archive of a release, the wheel, and the lines that pin the archive."""

load("@bazel_skylib//rules:common_settings.bzl", "BuildSettingInfo")
load("@turnup_source//:version.bzl", "VERSION")
load("//rules/common:runfiles.bzl", "runfiles_path")

_URL = attr.label(
    doc = "The flag with the URL of the archive.",
    default = Label("//release:url"),
    providers = [BuildSettingInfo],
)

_ARCHIVE_ATTRS = {
    "srcs": attr.label_list(
        doc = "The files, each as `files/PATH.file` of its repository.",
        mandatory = True,
        allow_files = True,
    ),
    "_launcher": attr.label(
        doc = "The template of the program that `bazel run` starts.",
        default = Label("//release:launcher.sh.tpl"),
        allow_single_file = True,
    ),
    "_lines_tool": attr.label(
        doc = "The program that prints the lines.",
        default = Label("//release:print_lines"),
        executable = True,
        cfg = "target",
    ),
    "_tool": attr.label(
        doc = "The program that writes the archive.",
        default = Label("//release:archive_tool"),
        executable = True,
        cfg = "exec",
    ),
    "_url": _URL,
}

_WHEEL_ATTRS = {
    "archive": attr.label(
        doc = "The archive of the release, which has the wheel's files.",
        mandatory = True,
        allow_single_file = [".tar.gz"],
    ),
    "_tool": attr.label(
        doc = "The program that writes the wheel.",
        default = Label("//release:wheel_tool"),
        executable = True,
        cfg = "exec",
    ),
    "_url": _URL,
}

def _argument(file):
    """Returns a file as PATH_IN_ARCHIVE=PATH."""
    return "%s=%s" % (file.short_path.partition("/files/")[2][:-len(".file")], file.path)

def _archive_impl(ctx):
    archive = ctx.actions.declare_file("turnup-%s.tar.gz" % VERSION)
    lines = ctx.actions.declare_file("turnup-%s.txt" % VERSION)
    args = ctx.actions.args()
    args.add("--version", VERSION)
    args.add("--url", ctx.attr._url[BuildSettingInfo].value)
    args.add("--archive", archive)
    args.add("--lines", lines)
    files = ctx.actions.args()
    files.use_param_file("@%s", use_always = True)
    files.set_param_file_format("multiline")
    files.add_all(ctx.files.srcs, map_each = _argument)
    ctx.actions.run(
        executable = ctx.executable._tool,
        arguments = [args, files],
        inputs = ctx.files.srcs,
        outputs = [archive, lines],
        mnemonic = "TurnupRelease",
        progress_message = "Packing %s" % archive.short_path,
    )
    launcher = ctx.actions.declare_file(ctx.label.name + ".sh")
    ctx.actions.expand_template(
        template = ctx.file._launcher,
        output = launcher,
        substitutions = {
            "%{archive}": runfiles_path(ctx, archive),
            "%{tool}": runfiles_path(ctx, ctx.executable._lines_tool),
            "%{url}": ctx.attr._url[BuildSettingInfo].value,
        },
        is_executable = True,
    )
    runfiles = ctx.runfiles(files = [archive]).merge(ctx.attr._lines_tool[DefaultInfo].default_runfiles)
    return [
        DefaultInfo(files = depset([archive, lines]), executable = launcher, runfiles = runfiles),
        OutputGroupInfo(archive = depset([archive])),
    ]

release_archive = rule(
    implementation = _archive_impl,
    doc = "Packs a release as turnup-VERSION.tar.gz, with the lines that pin it in turnup-VERSION.txt; `bazel run` prints these.",
    attrs = _ARCHIVE_ATTRS,
    executable = True,
)

def _wheel_impl(ctx):
    wheel = ctx.actions.declare_file("turnup-%s-py3-none-any.whl" % VERSION)
    args = ctx.actions.args()
    args.add("--version", VERSION)
    args.add("--url", ctx.attr._url[BuildSettingInfo].value)
    args.add("--archive", ctx.file.archive)
    args.add("--wheel", wheel)
    ctx.actions.run(
        executable = ctx.executable._tool,
        arguments = [args],
        inputs = [ctx.file.archive],
        outputs = [wheel],
        mnemonic = "TurnupWheel",
        progress_message = "Packing %s" % wheel.short_path,
    )
    return [DefaultInfo(files = depset([wheel]))]

release_wheel = rule(
    implementation = _wheel_impl,
    doc = "Packs the command `turnup init` as a wheel, from the files of a release.",
    attrs = _WHEEL_ATTRS,
)

def _url_impl(ctx):
    value = ctx.build_setting_value
    if value and not (value.startswith("https://") or value.startswith("http://") or value.startswith("file://")):
        fail("--%s: '%s' is not the URL of an archive. Use one that begins with https://, http:// or file://." % (ctx.label, value))
    return [BuildSettingInfo(value = value)]

release_url = rule(
    implementation = _url_impl,
    doc = "A flag with the URL where the archive will be. Empty: not known yet.",
    build_setting = config.string(flag = True),
)
