"""go_modules: a repository with the Go modules that a go.mod requires, locked by its go.sum."""

load("//rules/common:labels.bzl", "apparent_name", "full_label", "label_text", "package_label")
load("//rules/go/toolchain:toolchain.bzl", "required_go", "version_numbers")

_DOC = """Downloads the modules that a go.mod requires; each is checked against go.sum.

```
go_modules(
    name = "go_deps",
    go_mod = "//go:go.mod",
    go_sum = "//go:go.sum",
)
```

`@NAME//:module` is the module for `go_binary`, `go_library` and `go_test`. The Go command downloads, so GOPROXY, GOPRIVATE,
GONOSUMDB and `go env -w` of the machine apply; modules that are in the user's module cache are taken from there. Actions get
the downloads as files and need no network.

After a change of go.mod, `go mod tidy` writes go.sum.
"""

_ATTRS = {
    "go_mod": attr.label(
        mandatory = True,
        allow_single_file = True,
        doc = "The module's go.mod.",
    ),
    "go_sum": attr.label(
        mandatory = True,
        allow_single_file = True,
        doc = "The module's go.sum, with the hash of each required module.",
    ),
    "_go": attr.label(
        default = Label("@host_go//:go.json"),
        allow_single_file = True,
        doc = "What the Go toolchain is.",
    ),
}

_BUILD = """load("{rules}:go_module.bzl", "go_module")

package(default_visibility = ["//visibility:public"])

filegroup(
    name = "downloads",
    srcs = glob(
        ["download/**"],
        exclude = ["**/*.lock", "**/list"],
    ),
)

go_module(
    name = "module",
    downloads = [":downloads"],
    go_mod = "{go_mod}",
    go_sum = "{go_sum}",
)
"""

def _reason(text):
    """Returns a message of Go as one line."""
    return " ".join([word for word in text.replace("\n", " ").replace("\t", " ").split(" ") if word])

def _json_objects(text):
    """Returns the objects that `go mod download -json` prints one after the other."""
    return [json.decode(part + "\n}") for part in ("\n" + text.strip() + "\n").split("\n}\n") if part.strip()]

def _sums(text):
    """Returns the hashes of a go.sum: `MODULE VERSION` to hash."""
    words = [line.split(" ") for line in text.split("\n")]
    return {"%s %s" % (word[0], word[1]): word[2] for word in words if len(word) == 3}

def version_problem(name, go_mod, required, found):
    """Returns why a go.mod cannot be used with the machine's Go.

    Args:
      name: the repository's name.
      go_mod: the Label of the go.mod.
      required: the version that it requires. Empty: any.
      found: the version of Go, such as go1.26.8.
    Returns:
      a sentence, or None if it can be used.
    """
    have = found.replace("go", "", 1)
    if version_numbers(required) > version_numbers(have):
        return "@%s: %s requires Go %s, but @host_go has %s. Add the file to go_mods of host_go." % (name, label_text(go_mod), required, have)
    return None

def download_problem(name, go_mod, go_sum, sums, return_code, stdout, stderr):
    """Returns why downloads cannot be used.

    Args:
      name: the repository's name.
      go_mod: the Label of the go.mod.
      go_sum: the Label of the go.sum.
      sums: the content of go.sum before the download.
      return_code: the exit code of `go mod download -json`.
      stdout: what it printed.
      stderr: its errors.
    Returns:
      a sentence, or None if they can be used.
    """
    modules = _json_objects(stdout)
    for module in modules:
        if module.get("Error"):
            return "@%s: Go could not download %s %s (%s). Check the network, GOPROXY and %s." % (name, module["Path"], module["Version"], _reason(module["Error"]), label_text(go_mod))
    if return_code != 0:
        return "@%s: go mod download failed (%s). Check %s and go.sum." % (name, _reason(stderr), label_text(go_mod))
    known = _sums(sums)
    for module in modules:
        if not known.get("%s %s" % (module["Path"], module["Version"])):
            return "@%s: %s has no hash of %s %s. Run go mod tidy in the folder of go.mod, and commit go.sum." % (name, label_text(go_sum), module["Path"], module["Version"])
    return None

def _impl(repository_ctx):
    name, attr = apparent_name(repository_ctx.name), repository_ctx.attr
    settings = json.decode(repository_ctx.read(attr._go))
    required = required_go(repository_ctx, attr.go_mod)
    problem = version_problem(name, attr.go_mod, required, settings["version"])
    if problem:
        fail(problem)
    go = settings["go"]
    sums = repository_ctx.read(attr.go_sum)
    repository_ctx.file("module/go.mod", repository_ctx.read(attr.go_mod))
    repository_ctx.file("module/go.sum", sums)
    machine = repository_ctx.execute([go, "env", "GOPROXY", "GOMODCACHE"], environment = {"GOTOOLCHAIN": "local"}).stdout.splitlines()
    done = repository_ctx.execute(
        [go, "mod", "download", "-json", "-modcacherw"],
        environment = {
            "GOMODCACHE": str(repository_ctx.path("cache")),
            "GOPROXY": "file://%s/cache/download,%s" % (machine[1], machine[0] or "direct"),
            "GOTOOLCHAIN": "local",
            "GOWORK": "off",
        },
        timeout = 1800,
        working_directory = "module",
    )
    problem = download_problem(name, attr.go_mod, attr.go_sum, sums, done.return_code, done.stdout, done.stderr)
    if problem:
        fail(problem)
    repository_ctx.execute(["mv", "cache/cache/download", "download"])
    for folder in ["cache", "module", "download/sumdb"]:
        repository_ctx.delete(folder)
    repository_ctx.file("BUILD", _BUILD.format(
        go_mod = full_label(attr.go_mod),
        go_sum = full_label(attr.go_sum),
        rules = package_label(Label("//rules/go/private:BUILD")),
    ))

go_modules = repository_rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
    environ = ["GOFLAGS", "GONOSUMDB", "GOPRIVATE", "GOPROXY"],
)
