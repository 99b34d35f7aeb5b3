"""Tests of the errors for what WORKSPACE and MODULE.bazel declare."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")
load("//rules/common:repositories.bzl", "bazel_error", "constants_of", "name_error", "version_error")

def _module(configure = [], pip = [], maven = [], is_root = False, name = "shop"):
    return struct(
        is_root = is_root,
        name = name,
        tags = struct(
            configure = [struct(constants = constants) for constants in configure],
            maven = [struct(name = tag) for tag in maven],
            pip = [struct(name = tag) for tag in pip],
        ),
    )

def _constants_test_impl(ctx):
    env = unittest.begin(ctx)
    ours, theirs = Label("//:cluster_constants.bzl"), Label("//rules:cluster_constants.bzl")
    turnup = _module([ours], name = "turnup")
    for modules, constants, error in [
        ([_module([theirs], is_root = True), turnup], theirs, None),
        # Another module's constants are never those of the repository.
        ([_module(is_root = True), turnup], None, None),
        ([turnup], None, None),
        ([_module([ours, ours], is_root = True)], None, "MODULE.bazel: turnup.configure is called 2 times. Keep one call."),
        (
            [_module([None], is_root = True)],
            None,
            "MODULE.bazel: turnup.configure has no constants. Write turnup.configure(constants = \"//:cluster_constants.bzl\").",
        ),
    ]:
        asserts.equals(env, struct(constants = constants, error = error), constants_of(modules))
    return unittest.end(env)

# Only the root module chooses the constants, once.
constants_test = unittest.make(_constants_test_impl)

def _names_test_impl(ctx):
    env = unittest.begin(ctx)
    asserts.equals(env, None, name_error([_module(pip = ["pip"], maven = ["maven"]), _module(pip = ["depot_pip"], name = "depot")]))
    asserts.equals(
        env,
        "MODULE.bazel of depot: turnup.maven(name = \"pip\") takes a name that another tag of shop has. Choose another name.",
        name_error([_module(pip = ["pip"]), _module(maven = ["pip"], name = "depot")]),
    )
    asserts.equals(
        env,
        "MODULE.bazel of the root module: turnup.pip(name = \"turnup_pip\") takes a name that Turnup itself has. Choose another name.",
        name_error([_module(pip = ["turnup_pip"], name = "")]),
    )
    return unittest.end(env)

# Each name is taken once.
names_test = unittest.make(_names_test_impl)

def _versions_test_impl(ctx):
    env = unittest.begin(ctx)
    for repository in ["", "turnup~", "turnup+"]:
        asserts.equals(env, None, version_error(repository))
    for repository in ["turnup~0.1.0", "turnup+0.1.0"]:
        asserts.equals(
            env,
            "MODULE.bazel: there are two versions of Turnup, of which one is 0.1.0. Remove the multiple_version_override of turnup.",
            version_error(repository),
        )
    for version in ["", "4.2.1", "7.7.1", "10.0.0-pre.1", "4.2.3- (@non-git)"]:
        asserts.equals(env, None, bazel_error(version))
    for version in ["3.7.2", "4.1.0"]:
        asserts.equals(
            env,
            "WORKSPACE: Turnup needs Bazel 4.2 to 7, and this is Bazel %s. Install a newer one." % version,
            bazel_error(version),
        )
    return unittest.end(env)

# One version of Turnup, and a Bazel that is new enough.
versions_test = unittest.make(_versions_test_impl)
