"""Third-party Python packages from a hash-locked requirements file, with rules_python's labels."""

_DOC = """Downloads the wheels of a requirements file and makes a py_library of each.

`@NAME//:requirements.bzl` offers `requirement("package")`, and `@NAME//package` is the same label written out. pip checks
each wheel against the hashes of the lock; a requirement without a hash is refused.
"""

_ATTRS = {
    "lock": attr.label(
        doc = "The requirements file: every package with its version and sha256 hashes, as pip-compile --generate-hashes writes it.",
        mandatory = True,
        allow_single_file = True,
    ),
    "_python": attr.label(
        doc = "A file with the path of the interpreter to run the tool on.",
        default = "@host_python//:path.txt",
        allow_single_file = True,
    ),
    "_tool": attr.label(
        doc = "The program that runs pip and writes the BUILD files.",
        default = "//rules/python/tools:download_wheels.py",
        allow_single_file = True,
    ),
}

def _impl(repository_ctx):
    result = repository_ctx.execute(
        [repository_ctx.read(repository_ctx.attr._python), repository_ctx.path(repository_ctx.attr._tool), repository_ctx.path(repository_ctx.attr.lock), repository_ctx.name],
        timeout = 1800,
    )
    if result.return_code != 0:
        fail("%s: %s" % (repository_ctx.attr.lock, result.stderr.strip()))

pip_repository = repository_rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
)
