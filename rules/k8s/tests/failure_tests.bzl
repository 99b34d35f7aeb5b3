"""Tests of the error for each wrong use of the rules."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts", "unittest")
load("//rules/k8s:defs.bzl", "k8s_object", "k8s_objects")
load("//rules/k8s/private:cluster_constants.bzl", "constants_error", "derived_constants")
load("//rules/k8s/private:defaults.bzl", "macro_error")
load("//rules/k8s/private:labels.bzl", "deps_error", "split_dep")
load("//rules/k8s/private:macros.bzl", "object_error", "references_by_target")

def _failure_test_impl(ctx):
    env = analysistest.begin(ctx)
    asserts.expect_failure(env, ctx.attr.message)
    return analysistest.end(env)

# A target that must fail, and its error.
_failure_test = analysistest.make(
    _failure_test_impl,
    expect_failure = True,
    attrs = {"message": attr.string(mandatory = True, doc = "Text that the failure must contain.")},
)

def _object(name, **attrs):
    k8s_object(name = name, template = "settings.yaml", tags = ["manual"], **attrs)

def _objects(name, **attrs):
    k8s_objects(name = name, tags = ["manual"], **attrs)

# Case to (macro, attributes, message).
_CASES = {
    "as_is_and_locked": (_object, {"image_lock": "locked.lock", "images": "as-is"}, "other_images is \"as-is\" and image_lock is set. Remove one of them"),
    "empty_context": (_object, {"context": ""}, "context is empty. Set it to the kubeconfig context that this target may write to."),
    "empty_objects": (_objects, {"objects": []}, "objects is empty. Add at least one k8s_object."),
    "no_loader": (_object, {"preload": {"registry:2": ":image"}}, "preload has images, but loader is not set. Set loader"),
    "not_an_object": (_objects, {"objects": [":image"]}, "does not have mandatory providers"),
    "reference_twice": (
        _object,
        {"images": {"$(COMPILATION_MODE)/a": ":image", "fastbuild/a": ":image.tar"}},
        ": images has the reference \"fastbuild/a\" twice. Keep one.",
    ),
    "undefined_variable": (_object, {"namespace": "$(no_such_variable)"}, "no_such_variable"),
}

def _deps_test_impl(ctx):
    env = unittest.begin(ctx)
    asserts.equals(env, None, deps_error(["//a/redis", "//b:c", "@x//d"]))
    asserts.equals(
        env,
        "deps: \"redis\" is not an absolute label. Name the other package's service as //path/to/service.",
        deps_error(["redis"]),
    )
    asserts.equals(
        env,
        "deps: //a/redis and //b:redis have the same name, so manifests cannot tell them apart. Rename one target.",
        deps_error(["//a/redis", "//b:redis"]),
    )
    asserts.equals(env, struct(name = "redis", package = "//a/redis"), split_dep("//a/redis"))
    asserts.equals(env, struct(name = "c", package = "@x//b"), split_dep("@x//b:c"))
    return unittest.end(env)

# Dependencies must be absolute labels with different names.
_deps_test = unittest.make(_deps_test_impl)

def _object_test_impl(ctx):
    env = unittest.begin(ctx)
    asserts.equals(env, None, object_error("t.yaml", None, None, {}, {}))
    asserts.equals(env, "template is missing. Set it to the manifest file, or to the target that makes it.", object_error(None, None, None, {}, {}))
    for resolver, resolver_args in [("//:r", None), (None, ["--x"])]:
        asserts.equals(
            env,
            "resolver and resolver_args are not supported, because images are resolved at build time. Add the images to images, or lock their tags with image_lock.",
            object_error("t.yaml", resolver, resolver_args, {}, {}),
        )
    asserts.equals(env, "images is a list. Use a dict from reference to image target, or \"as-is\".", object_error("t.yaml", None, None, ["a"], {}))
    asserts.equals(env, "preload is a string. Use a dict from reference to image target.", object_error("t.yaml", None, None, {}, "a"))
    asserts.equals(env, {":a": "[\"x\",\"z\"]", ":b": "[\"y\"]"}, references_by_target({"x": ":a", "y": ":b", "z": ":a"}))
    return unittest.end(env)

# Arguments of k8s_object that do not reach its rule.
_object_test = unittest.make(_object_test_impl)

def _macro_test_impl(ctx):
    env = unittest.begin(ctx)
    for name in ["k8s_object", "k8s_deploy", "staging2"]:
        asserts.equals(env, None, macro_error(name))
    for name in ["k8s-deploy", "a.b", "for"]:
        asserts.equals(
            env,
            "k8s_defaults %s: a macro cannot have this name. Use letters, digits and underscores, and no keyword of Starlark." % name,
            macro_error(name),
        )
    return unittest.end(env)

# Names of k8s_defaults are names of macros.
_macro_test = unittest.make(_macro_test_impl)

_SHELL = struct(cluster = "", context = "", namespace = "jane", registry = "", subnet = "", user = "jane")

def _constants_test_impl(ctx):
    env = unittest.begin(ctx)
    asserts.equals(env, None, constants_error({"ENVS": ["a"], "NAMESPACES": {"a": "x-{user}"}, "SUBNET": "10.0.0.0/24"}))
    for values, message in [
        ({"ENVS": "a"}, 'ENVS is "a"; assign it a list'),
        ({"ENVS": ["a"], "NODES": "2"}, 'NODES is "2"; assign it an int'),
        ({"ENVS": ["a", "a"]}, 'ENVS has "a" twice; remove one'),
        ({"DEVELOPER_ENV": "b", "ENVS": ["a"]}, 'DEVELOPER_ENV is "b", which ENVS does not have; write one of ENVS'),
        ({"ENVS": ["a"], "NAMESPACES": {"b": "x"}}, 'NAMESPACES has "b", which ENVS does not have; remove it, or add it to ENVS'),
        ({"ENVS": ["a"], "SUBNET": "ten"}, 'SUBNET is "ten"; write an IPv4 network such as "172.19.0.0/26"'),
    ]:
        asserts.equals(env, message, constants_error(values))
    defaults = {"CLUSTER_NAME": "local", "REGISTRY_PORT": 31000, "SUBNET": "172.19.0.0/26"}
    found = derived_constants({"ENVS": ["live", "test"]}, defaults, _SHELL)
    asserts.equals(env, {"live": "live", "test": "jane"}, found["NAMESPACES"])
    asserts.equals(
        env,
        ["test", "jane", "172.19.0.2:31000", "turnup-local"],
        [found[name] for name in ["DEVELOPER_ENV", "MYNS", "REGISTRY", "CONTEXT"]],
    )
    own = {"CONTEXT": "shop", "DEVELOPER_ENV": "me", "ENVS": ["live", "me", "myns"], "NAMESPACES": {"live": "shop", "me": "shop-{user}"}, "REGISTRY": "r:1"}
    found = derived_constants(own, defaults, _SHELL)
    asserts.equals(env, {"live": "shop", "me": "shop-jane", "myns": "myns"}, found["NAMESPACES"])
    asserts.equals(env, ["shop-jane", "r:1", "shop"], [found[name] for name in ["MYNS", "REGISTRY", "CONTEXT"]])
    shell = struct(cluster = "b", context = "", namespace = "jane", registry = "x:2", subnet = "10.0.0.0/24", user = "jane")
    found = derived_constants(own, defaults, shell)
    asserts.equals(env, ["turnup-b", "x:2", "10.0.0.2"], [found[name] for name in ["CONTEXT", "REGISTRY", "NODE_1"]])
    return unittest.end(env)

# What follows from cluster_constants.bzl and the shell.
_constants_test = unittest.make(_constants_test_impl)

def failure_tests(name):
    """Defines a wrong target and its test for every case, and a suite of the tests.

    Args:
      name: name of the suite.
    """
    for case, (make, attributes, message) in _CASES.items():
        make("wrong_" + case, **attributes)
        _failure_test(
            name = case + "_fails_test",
            size = "small",
            message = message,
            target_under_test = ":wrong_" + case,
        )
    _constants_test(
        name = "constants_test",
        size = "small",
    )
    _deps_test(
        name = "deps_test",
        size = "small",
    )
    _object_test(
        name = "object_test",
        size = "small",
    )
    _macro_test(
        name = "macro_test",
        size = "small",
    )
    native.test_suite(
        name = name,
        tests = [":%s_fails_test" % case for case in _CASES] + [
            ":constants_test",
            ":deps_test",
            ":macro_test",
            ":object_test",
        ],
    )
