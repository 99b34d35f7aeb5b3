"""The Go rules: go_binary, go_library, go_module and go_test. See rules/go/README.md."""

load("//rules/go/private:go_binary.bzl", _go_binary = "go_binary")
load("//rules/go/private:go_library.bzl", _go_library = "go_library")
load("//rules/go/private:go_module.bzl", _go_module = "go_module")
load("//rules/go/private:go_test.bzl", _go_test = "go_test")
load("//rules/go/private:providers.bzl", _GoModuleInfo = "GoModuleInfo", _GoProtoInfo = "GoProtoInfo", _GoSourcesInfo = "GoSourcesInfo")

GoModuleInfo = _GoModuleInfo
GoProtoInfo = _GoProtoInfo
GoSourcesInfo = _GoSourcesInfo
go_binary = _go_binary
go_library = _go_library
go_module = _go_module
go_test = _go_test
