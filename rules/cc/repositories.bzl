"""Repository rules for WORKSPACE: C++ libraries of Debian packages."""

load("//rules/cc/private:debian_cc_libraries.bzl", _debian_cc_libraries = "debian_cc_libraries")

debian_cc_libraries = _debian_cc_libraries
