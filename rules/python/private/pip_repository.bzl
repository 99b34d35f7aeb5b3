"""pip_repository: third-party Python packages of a hash-locked requirements file, with rules_python's labels."""

load("//rules/common:labels.bzl", "full_label")

_DOC = """Downloads the wheels of a requirements file and makes a py_library of each.

`@NAME//:requirements.bzl` has `requirement("package")`, which returns the label `@NAME//package`. pip checks each wheel
against the hashes of the lock; a requirement without a hash is an error.
"""

_ATTRS = {
    "lock": attr.label(
        doc = "The requirements file, with the version and sha256 hashes of every package, as `pip-compile --generate-hashes` writes it.",
        mandatory = True,
        allow_single_file = True,
    ),
    "_python": attr.label(
        doc = "A file with the path of the Python interpreter.",
        default = Label("@host_python//:path.txt"),
        allow_single_file = True,
    ),
    "_tool": attr.label(
        doc = "The program that runs pip and writes the BUILD files.",
        default = Label("//rules/python/tools:download_wheels.py"),
        allow_single_file = True,
    ),
}

_RULE = '''"""The rule of each package."""

load("%s", _wheel_library = "wheel_library")

wheel_library = _wheel_library
'''

def _impl(repository_ctx):
    attr = repository_ctx.attr
    result = repository_ctx.execute(
        [repository_ctx.read(attr._python), repository_ctx.path(attr._tool), repository_ctx.path(attr.lock)],
        timeout = 1800,
    )

    # The BUILD files load the rule from here, because only a label that Bazel made names this repository of the rules.
    repository_ctx.file("wheel_library.bzl", _RULE % full_label(Label("//rules/python/private:wheel_library.bzl")))
    if result.return_code != 0:
        fail("%s: %s" % (attr.lock, result.stderr.strip()))

pip_repository = repository_rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
)
