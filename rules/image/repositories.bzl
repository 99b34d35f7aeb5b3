"""Repository rules for WORKSPACE: what images are made of."""

load("//rules/image/private:debian_packages.bzl", _debian_packages = "debian_packages")

debian_packages = _debian_packages
