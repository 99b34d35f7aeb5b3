"""Repository rules for WORKSPACE: the Go toolchain, and the modules that a go.mod requires."""

load("//rules/go/private:go_modules.bzl", _go_modules = "go_modules")
load("//rules/go/private:host_go.bzl", _host_go = "host_go")

go_modules = _go_modules
host_go = _host_go
