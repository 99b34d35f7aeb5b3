"""host_python: finds the Python 3.11 interpreter of build tools and tests."""

_DOC = """Finds a Python 3.11 interpreter and writes its absolute path as PYTHON to `defs.bzl`, and to `path.txt`.

It takes the first Python 3.11 of `$TURNUP_PYTHON`, `/usr/bin/python3.11`, and `python3.11` and `python3` on PATH. The version
is fixed because images have Debian's Python 3.11, and wheels with native code fit only one version.
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

            # Repository rules cannot load from a repository that WORKSPACE defines before its next load(); they read this file.
            repository_ctx.file("path.txt", str(candidate))
            return
    fail("Python 3.11 was not found in TURNUP_PYTHON, /usr/bin or PATH. Run ./turnup doctor, or apt-get install python3.11.")

host_python = repository_rule(
    implementation = _impl,
    doc = _DOC,
    environ = ["PATH", "TURNUP_PYTHON"],
    local = True,
)
