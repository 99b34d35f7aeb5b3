"""pip_hub: the packages of a lock by name, without their wheels."""

load("//rules/common:labels.bzl", "full_label")
load("//rules/python/private:pip_tool.bzl", "TOOL_ATTRS", "run_tool")

_RULE = '''"""The rule of each package."""

load("%s", _wheel_library = "wheel_library")

wheel_library = _wheel_library
'''

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
    _python = attr.label(
        doc = "A file with the path of the Python interpreter.",
        default = Label("@host_python//:path.txt"),
        allow_single_file = True,
    ),
)

def _impl(repository_ctx):
    attr = repository_ctx.attr

    # With Bzlmod the name has the extension before it, and repositories of one extension see each other without.
    name = repository_ctx.name.split("~")[-1].split("+")[-1]

    # The BUILD files load the rule from here, because only a label that Bazel made names this repository of the rules.
    repository_ctx.file("wheel_library.bzl", _RULE % full_label(Label("//rules/python/private:wheel_library.bzl")))
    run_tool(
        repository_ctx,
        repository_ctx.read(attr._python),
        "pip_hub",
        [repository_ctx.path(attr.lock), str(attr.lock), name, str(attr.repositories)],
    )

pip_hub = repository_rule(
    implementation = _impl,
    doc = "Reads a lock and writes one BUILD file for each package, which loads the repository with its wheel.",
    attrs = _ATTRS,
)
