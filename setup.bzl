"""The second half of `repositories.bzl`: what can be declared once the repositories of turnup_repositories() are known."""

load("@turnup_maven//:defs.bzl", "pinned_maven_install")

def turnup_setup():  # buildifier: disable=unnamed-macro
    """Declares the files of the Java tools, and registers the toolchains of Turnup's rules."""
    pinned_maven_install()
    native.register_toolchains(
        # Analysis tests run through this toolchain.
        "@bazel_skylib//toolchains/unittest:bash_toolchain",
        # What evaluates Jsonnet: --@turnup//rules/jsonnet:engine chooses.
        str(Label("//rules/jsonnet:toolchain")),
    )
