"""Tests of labels as text, with the labels of old and of new versions of Bazel."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")
load("//rules/common:labels.bzl", "apparent_name", "is_label_of", "label_text", "package_label", "repository_name", "short_folder")

def _old(repository):
    """Returns a label of Bazel 4."""
    return struct(name = "c", package = "a/b", workspace_name = repository)

def _new(repository):
    """Returns a label of a version that has no workspace_name."""
    return struct(name = "c", package = "a/b", repo_name = repository)

# Canonical name to the name in BUILD files, as Bazel 4, 6, 7 and 8 have them.
_NAMES = {
    "": "",
    "turnup": "turnup",
    "turnup+": "turnup",
    "turnup++turnup+debian_python": "debian_python",
    "turnup~": "turnup",
    "turnup~0.2.0": "turnup",
    "turnup~0.2.0~turnup~turnup_pip": "turnup_pip",
    "turnup~~turnup~turnup_pip": "turnup_pip",
    "_main~turnup~turnup_pip": "turnup_pip",
}

def _names_test_impl(ctx):
    env = unittest.begin(ctx)
    for canonical, name in _NAMES.items():
        asserts.equals(env, name, apparent_name(canonical))
        for label in [_old(canonical), _new(canonical)]:
            asserts.equals(env, canonical, repository_name(label))
            asserts.equals(env, ("@" + name if name else "") + "//a/b:c", label_text(label))
            asserts.equals(env, ("../%s/" % canonical if canonical else "") + "a/b", short_folder(label))
    return unittest.end(env)

# The repository of a label has a name in each version of Bazel.
names_test = unittest.make(_names_test_impl)

def _spelling_test_impl(ctx):
    env = unittest.begin(ctx)
    main, other = _old(""), _old("jars")
    module = _new("rules~1.0~ext~jars")
    for text in ["c", ":c", "//a/b:c", "@//a/b:c", "@@//a/b:c"]:
        asserts.true(env, is_label_of(text, main, main), text)
        asserts.false(env, is_label_of(text, other, main), text)
    for text in ["@jars//a/b:c", "@@jars//a/b:c"]:
        asserts.true(env, is_label_of(text, other, main), text)
        asserts.false(env, is_label_of(text, main, main), text)
    for text in ["@jars//a/b:c", "@@rules~1.0~ext~jars//a/b:c"]:
        asserts.true(env, is_label_of(text, module, main), text)
    for text in ["d", "//a/b", "//a/b:d", "//a:c", "@jars"]:
        asserts.false(env, is_label_of(text, main, main), text)
    asserts.true(env, is_label_of("//x/y", struct(name = "y", package = "x/y", repo_name = ""), main))
    asserts.true(env, is_label_of("@jars", struct(name = "jars", package = "", repo_name = "jars"), main))
    return unittest.end(env)

# A target is found under each spelling of its label, and no other is.
spelling_test = unittest.make(_spelling_test_impl)

def _package_test_impl(ctx):
    env = unittest.begin(ctx)
    asserts.equals(env, "@//rules/common", package_label(Label("//rules/common:labels.bzl")).replace("@@", "@"))
    asserts.true(env, package_label(Label("@bazel_skylib//lib:unittest.bzl")).endswith("//lib"))
    return unittest.end(env)

# The package of a label is a text that any file can load from.
package_test = unittest.make(_package_test_impl)
