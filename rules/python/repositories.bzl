"""Repository rules for WORKSPACE: the interpreter of tools and tests, and third-party packages."""

load("//rules/python/private:host_python.bzl", _host_python = "host_python")
load("//rules/python/private:pip_repository.bzl", _pip_repository = "pip_repository")

host_python = _host_python
pip_repository = _pip_repository
