"""Finds the Python 3.11 that build tools and tests run on."""

_DOC = """Writes `defs.bzl` with PYTHON, the absolute path of a Python 3.11 interpreter, and the same in `path.txt`.

Looked for in this order: $TURNUP_PYTHON, /usr/bin/python3.11, then python3.11 and python3 on PATH. The version is fixed
because images carry Debian's Python 3.11, and wheels with native code fit one version only.
"""

_BUILD = """exports_files(["defs.bzl", "path.txt"])
"""

def _is_3_11(repository_ctx, path):
    result = repository_ctx.execute([path, "-I", "-S", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"])
    return result.return_code == 0 and result.stdout.strip() == "3.11"

def _impl(repository_ctx):
    candidates = [
        repository_ctx.os.environ.get("TURNUP_PYTHON", ""),
        "/usr/bin/python3.11",
        repository_ctx.which("python3.11"),
        repository_ctx.which("python3"),
    ]
    for candidate in candidates:
        if candidate and repository_ctx.path(str(candidate)).exists and _is_3_11(repository_ctx, str(candidate)):
            repository_ctx.file("BUILD", _BUILD)
            repository_ctx.file("defs.bzl", '"""The interpreter found on this machine."""\n\nPYTHON = "%s"\n' % candidate)

            # Repository rules cannot load from a repository that WORKSPACE defines in the same breath; they read this.
            repository_ctx.file("path.txt", str(candidate))
            return
    fail("no Python 3.11 found in TURNUP_PYTHON, /usr/bin or PATH: run ./turnup doctor, or apt-get install python3.11")

host_python = repository_rule(
    implementation = _impl,
    doc = _DOC,
    environ = ["PATH", "TURNUP_PYTHON"],
    local = True,
)
