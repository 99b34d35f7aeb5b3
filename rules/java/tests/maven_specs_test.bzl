"""Tests of what maven_repository writes: coordinates in locks, and targets of locked artifacts."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")
load("//rules/java/private:maven_hub.bzl", "write_build", "write_defs")
load("//rules/java/private:maven_specs.bzl", "coordinates", "maven", "parse_artifact")

# Coordinates in a list to their shortest form. The last part is the version, so an artifact with a packaging and no version ends
# with a colon.
_SHORTEST = {
    "a:b": "a:b",
    "a:b:1": "a:b:1",
    "a:b:exe:1": "a:b:exe:1",
    "a:b:exe:linux-x86_64:1": "a:b:exe:linux-x86_64:1",
    "a:b:jar:1": "a:b:1",
    "a:b:jar:linux-x86_64:": "a:b:jar:linux-x86_64:",
    maven.artifact("a", "b"): "a:b",
    maven.artifact("a", "b", classifier = "linux-x86_64"): "a:b:jar:linux-x86_64:",
    maven.artifact("a", "b", packaging = "exe"): "a:b:exe:",
}

def _coordinates_test_impl(ctx):
    env = unittest.begin(ctx)
    for text, shortest in _SHORTEST.items():
        asserts.equals(env, shortest, coordinates(parse_artifact("//x", text)))
    return unittest.end(env)

coordinates_test = unittest.make(_coordinates_test_impl, attrs = {})

def _relocated_test_impl(ctx):
    env = unittest.begin(ctx)
    artifacts = {
        "a:new": {"sha256": "0" * 64, "version": "2"},
        "a:old": {"deps": ["a:new"], "version": "1"},
    }
    build = write_build("maven", [], artifacts, struct(override_targets = {}, strict_visibility = False), None)
    old = build.partition("name = \"a_old\"")[2]
    asserts.true(env, "jars = []" in old and "exports = [\":a_new\"]" in old, build)
    asserts.false(env, "maven__a_old" in write_defs("maven", "//x", artifacts))
    return unittest.end(env)

# An artifact that has moved stands for its new name, and nothing is downloaded for it.
relocated_test = unittest.make(_relocated_test_impl)
