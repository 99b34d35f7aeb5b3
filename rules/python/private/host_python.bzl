"""host_python: finds the Python interpreter of build tools and tests."""

_DOC = """Finds a Python interpreter and writes its absolute path as PYTHON and its version as PYTHON_VERSION to `defs.bzl`, and
the path to `path.txt`.

`$TURNUP_PYTHON` names the interpreter, of version 3.11, 3.12 or 3.13. Without it the first that is found counts:
`/usr/bin/python3.11`, then `python3.11`, `python3.12`, `python3.13` and `python3` on PATH. 3.11 comes first because Debian 12, the
base of most images, has it, and wheels with native code fit only one version.
"""

_VERSIONS = ["3.11", "3.12", "3.13"]

_DEFS = '''"""The interpreter found on this machine."""

PYTHON = "%s"
PYTHON_VERSION = "%s"
'''

def _version(repository_ctx, path):
    """Returns the version of an interpreter, such as `3.11`. Empty: the path is not one."""
    if not path or not repository_ctx.path(str(path)).exists:
        return ""
    result = repository_ctx.execute([str(path), "-I", "-S", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"])
    return result.stdout.strip() if result.return_code == 0 else ""

def _impl(repository_ctx):
    named = repository_ctx.os.environ.get("TURNUP_PYTHON", "")
    candidates = [named] if named else ["/usr/bin/python3.11"] + [
        repository_ctx.which(name)
        for name in ["python" + version for version in _VERSIONS] + ["python3"]
    ]
    for candidate in candidates:
        version = _version(repository_ctx, candidate)
        if version in _VERSIONS:
            repository_ctx.file("BUILD", "exports_files([\"defs.bzl\", \"path.txt\"])\n")
            repository_ctx.file("defs.bzl", _DEFS % (candidate, version))

            # Repository rules cannot load from a repository that WORKSPACE defines before its next load(); they read this file.
            repository_ctx.file("path.txt", str(candidate))
            return
        if named:
            fail("TURNUP_PYTHON: %s is %s. Name a Python of version %s." % (named, "Python " + version if version else "not a Python interpreter", " or ".join(_VERSIONS)))
    fail("No Python 3.11, 3.12 or 3.13 was found in /usr/bin or PATH. Run ./turnup doctor, or apt-get install python3.11.")

host_python = repository_rule(
    implementation = _impl,
    doc = _DOC,
    environ = ["PATH", "TURNUP_PYTHON"],
    local = True,
)
