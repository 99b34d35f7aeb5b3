"""rule_set: Bazel's own rule sets, from Debian's Bazel packages or from their releases."""

load("//rules/common:labels.bzl", "package_label")

_DOC = """Makes one of Bazel's rule sets available.

Debian's Bazel never downloads rule sets: its packages put them into /usr/share/bazel. Where that folder is, the repository is the
rule set's folder there, or Turnup's stand-in for one that Debian lacks or has in a version that Bazel 4 cannot load. Elsewhere it is
the release with the given sha256."""

_ATTRS = {
    "debian": attr.string(
        doc = "The folder of the rule set below /usr/share/bazel. Empty: Debian has none that can be used.",
    ),
    "sha256": attr.string(
        doc = "The sha256 of the release's archive.",
    ),
    "stand_in": attr.string(
        doc = "The folder of the stand-in below third_party/bazel. Empty: there is none.",
    ),
    "strip_prefix": attr.string(
        doc = "The folder in the archive that becomes the repository. Empty: the archive's root.",
    ),
    "url": attr.string(
        doc = "Where the release is.",
    ),
}

_DEBIAN = "/usr/share/bazel"

def _copy(repository_ctx, folder):
    """Copies a stand-in, in which `@turnup` stands for the repository of these rules."""
    here = package_label(Label("//rules/common:BUILD")).rpartition("//")[0]
    folders = [(folder, "")]

    # Stand-ins are folders of a few levels.
    for _ in range(8):
        found = []
        for source, path in folders:
            for child in source.readdir():
                name = path + child.basename
                if child.basename == "BUILD" or "." in child.basename or child.basename == "WORKSPACE":
                    repository_ctx.file(name, repository_ctx.read(child).replace("@turnup//", here + "//"), executable = False)
                else:
                    found.append((child, name + "/"))
        folders = found

def _impl(repository_ctx):
    attr = repository_ctx.attr
    if not repository_ctx.path(_DEBIAN).exists:
        repository_ctx.download_and_extract(url = attr.url, sha256 = attr.sha256, stripPrefix = attr.strip_prefix)
        return
    folder = repository_ctx.path("%s/%s" % (_DEBIAN, attr.debian))
    if attr.debian and folder.exists:
        for child in folder.readdir():
            repository_ctx.symlink(child, child.basename)
        return
    if not attr.stand_in:
        fail("@%s: %s is not there. Install the Debian package that has it; ./turnup doctor names it." % (repository_ctx.name, folder))
    _copy(repository_ctx, repository_ctx.path(Label("//rules/common:BUILD")).dirname.dirname.dirname.get_child("third_party").get_child("bazel").get_child(attr.stand_in))

rule_set = repository_rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
    local = True,
)

_RELEASES = "https://github.com/bazelbuild/%s/releases/download/%s"

_RULE_SETS = {
    "bazel_skylib": dict(
        debian = "tools/skylib",
        sha256 = "66ffd9315665bfaafc96b52278f57c7e2dd09f5ede279ea6d39b2be471e7e3aa",
        url = _RELEASES % ("bazel-skylib", "1.4.2/bazel-skylib-1.4.2.tar.gz"),
    ),
    "platforms": dict(
        debian = "tools/platforms",
        sha256 = "8150406605389ececb6da07cbcb509d5637a3ab9a24bc69b1101531367d89d74",
        url = _RELEASES % ("platforms", "0.0.8/platforms-0.0.8.tar.gz"),
    ),
    "remote_coverage_tools": dict(
        sha256 = "cd14f1cb4559e4723e63b7e7b06d09fcc3bd7ba58d03f354cdff1439bd936a7d",
        stand_in = "remote_coverage_tools",
        url = "https://mirror.bazel.build/bazel_coverage_output_generator/releases/coverage_output_generator-v2.5.zip",
    ),
    "rules_cc": dict(
        sha256 = "3d9e271e2876ba42e114c9b9bc51454e379cbf0ec9ef9d40e2ae4cec61a31b40",
        stand_in = "rules_cc",
        strip_prefix = "rules_cc-0.0.6",
        url = _RELEASES % ("rules_cc", "0.0.6/rules_cc-0.0.6.tar.gz"),
    ),
    "rules_java": dict(
        sha256 = "8afd053dd2a7b85a4f033584f30a7f1666c5492c56c76e04eec4428bdb2a86cf",
        stand_in = "rules_java",
        url = _RELEASES % ("rules_java", "7.6.5/rules_java-7.6.5.tar.gz"),
    ),
    # Debian's bazel_skylib and platforms for Bazel 7 name their licenses.
    "rules_license": dict(
        debian = "rules/license",
        sha256 = "4531deccb913639c30e5c7512a054d5d875698daeb75d8cf90f284375fe7c360",
        url = _RELEASES % ("rules_license", "0.0.7/rules_license-0.0.7.tar.gz"),
    ),
    "rules_proto": dict(
        sha256 = "dc3fb206a2cb3441b485eb1e423165b231235a1ea9b031b4433cf7bc1fa460dd",
        stand_in = "rules_proto",
        strip_prefix = "rules_proto-5.3.0-21.7",
        url = "https://github.com/bazelbuild/rules_proto/archive/refs/tags/5.3.0-21.7.tar.gz",
    ),
    "rules_python": dict(
        sha256 = "0a8003b044294d7840ac7d9d73eef05d6ceb682d7516781a4ec62eeb34702578",
        stand_in = "rules_python",
        strip_prefix = "rules_python-0.24.0",
        url = _RELEASES % ("rules_python", "0.24.0/rules_python-0.24.0.tar.gz"),
    ),
    "rules_shell": dict(
        sha256 = "3e114424a5c7e4fd43e0133cc6ecdfe54e45ae8affa14fadd839f29901424043",
        stand_in = "rules_shell",
        strip_prefix = "rules_shell-0.4.0",
        url = _RELEASES % ("rules_shell", "v0.4.0/rules_shell-v0.4.0.tar.gz"),
    ),
}

def bazel_error(version):
    """Checks that Bazel is new enough.

    Args:
      version: Bazel's version. Empty: unknown, as with Debian's Bazel 4.2.3.

    Returns:
      a sentence, or None.
    """
    numbers = [int(part) for part in version.split("-")[0].split(" ")[0].split(".") if part.isdigit()]
    if numbers and numbers < [4, 2]:
        return "WORKSPACE: Turnup needs Bazel 4.2 to 7, and this is Bazel %s. Install a newer one." % version
    return None

def bazel_rule_sets():
    """Declares Bazel's rule sets under their usual names, except those that WORKSPACE has declared."""
    for name, attributes in _RULE_SETS.items():
        if not native.existing_rule(name):
            rule_set(name = name, **attributes)
