"""pip_hub: the packages of a lock by name, without their wheels."""

load("//rules/python/private:pip_tool.bzl", "TOOL_ATTRS", "run_tool")

_ATTRS = dict(
    TOOL_ATTRS,
    lock = attr.label(
        doc = "The requirements file.",
        mandatory = True,
        allow_single_file = True,
    ),
    repositories = attr.int(
        doc = "How many pip_wheels repositories there are, named like this one with `_0` and so on.",
        mandatory = True,
    ),
    _library = attr.label(
        doc = "The rule of each package.",
        default = Label("//rules/python/private:wheel_library.bzl"),
        allow_single_file = True,
    ),
    _python = attr.label(
        doc = "A file with the path of the Python interpreter.",
        default = Label("@host_python//:path.txt"),
        allow_single_file = True,
    ),
)

def _impl(repository_ctx):
    attr = repository_ctx.attr
    library = str(attr._library)
    if not library.startswith("@"):  # Bazel 4 names the main repository so.
        library = "@turnup" + library

    # With Bzlmod the name has the extension before it, and repositories of one extension see each other without.
    name = repository_ctx.name.split("~")[-1].split("+")[-1]
    run_tool(
        repository_ctx,
        repository_ctx.read(attr._python),
        "pip_hub",
        [repository_ctx.path(attr.lock), str(attr.lock), name, str(attr.repositories), library],
    )

pip_hub = repository_rule(
    implementation = _impl,
    doc = "Reads a lock and writes one BUILD file for each package, which loads the repository with its wheel.",
    attrs = _ATTRS,
)
