"""Tests of coordinates as maven_repository writes them into locks."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")
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
