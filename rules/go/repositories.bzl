"""Repository rules for WORKSPACE: the Go toolchain, the modules that a go.mod requires, and programs built from a module."""

load("//rules/go/private:go_modules.bzl", _go_modules = "go_modules")
load("//rules/go/private:go_program.bzl", _go_program = "go_program")
load("//rules/go/private:host_go.bzl", _host_go = "host_go")

go_modules = _go_modules
go_program = _go_program
host_go = _host_go
