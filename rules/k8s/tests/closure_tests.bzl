"""Analysis tests of closures: their content, and what each verb builds."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")
load("@turnup_env//:constants.bzl", "ENVS")
load("//rules/k8s:defs.bzl", "K8sObjectInfo", "PinInfo")
load("//rules/k8s/private:launching.bzl", "VERBS")

_STACK = "rules/k8s/tests/stack/"

def _names(entries):
    return [entry.label[len("//" + _STACK):] for entry in entries.to_list()]

def _closure_test_impl(ctx):
    env = analysistest.begin(ctx)
    info = analysistest.target_under_test(env)[K8sObjectInfo]
    asserts.equals(env, ctx.attr.entries, _names(info.entries))
    asserts.equals(env, ctx.attr.images, sorted(_names(info.push_plans)))
    return analysistest.end(env)

# A closure contains each object and image once, dependencies first.
_closure_test = analysistest.make(_closure_test_impl, attrs = {
    "entries": attr.string_list(doc = "Expected objects, in order, without //rules/k8s/tests/stack/."),
    "images": attr.string_list(doc = "Objects with images to build, sorted."),
})

def _runfiles_test_impl(ctx):
    env = analysistest.begin(ctx)
    target = analysistest.target_under_test(env)
    paths = [file.short_path for file in target[DefaultInfo].default_runfiles.files.to_list()]
    names = [path[len(_STACK):] for path in paths if path.startswith(_STACK)]
    asserts.equals(env, ctx.attr.debug_image, "rules/k8s/debug/push.push.plan" in paths)
    for name in ctx.attr.present:
        asserts.true(env, name in names, "%s should be in the runfiles: %s" % (name, names))
    for part in ctx.attr.absent:
        asserts.equals(env, [], [name for name in names if part in name])
    return analysistest.end(env)

# What Bazel builds for a runnable target.
_runfiles_test = analysistest.make(_runfiles_test_impl, attrs = {
    "absent": attr.string_list(doc = "Parts of file names that must not be among the runfiles."),
    "debug_image": attr.bool(doc = "Whether the push plan of the debug image must be among the runfiles."),
    "present": attr.string_list(doc = "Files that must be among the runfiles, relative to the stack."),
})

def _inputs_test_impl(ctx):
    env = analysistest.begin(ctx)
    actions = [action for action in analysistest.target_actions(env) if action.mnemonic == ctx.attr.mnemonic]
    asserts.equals(env, 1, len(actions))
    inputs = [file.short_path[len(_STACK):] for file in actions[0].inputs.to_list() if file.short_path.startswith(_STACK)]
    asserts.equals(env, sorted(ctx.attr.inputs), sorted([name for name in inputs if name.rpartition(".")[2] in ("json", "lock", "yaml")]))
    return analysistest.end(env)

# The inputs of an action decide when it runs again.
_inputs_test = analysistest.make(_inputs_test_impl, attrs = {
    "inputs": attr.string_list(doc = "Expected inputs that are JSON, YAML or locks, relative to the stack."),
    "mnemonic": attr.string(doc = "The action."),
})

def _pin_test_impl(ctx):
    env = analysistest.begin(ctx)
    entries = analysistest.target_under_test(env)[PinInfo].entries.to_list()
    asserts.equals(env, ctx.attr.names, sorted([entry.name for entry in entries]))
    return analysistest.end(env)

# Which images a pin target pins.
_pin_test = analysistest.make(_pin_test_impl, attrs = {
    "names": attr.string_list(doc = "Expected images, sorted."),
})

def _verbs_test_impl(ctx):
    env = analysistest.begin(ctx)
    for target in ctx.attr.verbs:
        executable = target[DefaultInfo].files_to_run.executable
        asserts.true(env, executable != None, "%s should be runnable" % target.label)
        asserts.equals(env, target.label.name, executable.basename)
    return analysistest.end(env)

# The targets exist and can be run, and their programs have their names; they are not built.
_verbs_test = analysistest.make(_verbs_test_impl, attrs = {
    "verbs": attr.label_list(doc = "The targets."),
})

def _args_test_impl(ctx):
    env = analysistest.begin(ctx)
    asserts.equals(env, ["apply", "create", "delete", "describe", "diff", "replace"], ctx.attr.verbs)
    return analysistest.end(env)

# Which targets of a k8s_object get its arguments.
_args_test = analysistest.make(_args_test_impl, attrs = {
    "verbs": attr.string_list(doc = "The verbs that got them, sorted, with the empty text for the target itself."),
})

def _with_args(name):
    """Returns the verbs of a k8s_object of this package with arguments."""
    targets = {"": name}
    targets.update({verb: "%s.%s" % (name, verb) for verb in VERBS.keys() + ["resolve"]})
    return sorted([verb for verb, target in targets.items() if native.existing_rule(target)["args"]])

# Every environment of a service, shallow and deep, and a separate k8s_object.
_RUNNABLE = ["//rules/k8s/tests/stack/client:%s%s" % (env, deep) for env in ENVS for deep in ("", "-deep")] + [
    "//rules/k8s/tests:prebuilt",
]

_DEEP = ["redis:myns", "server:myns", "client:myns", "top:myns"]

# Test to (rule, target under test, attributes).
_CASES = {
    "deep_has_each_once": (_closure_test, "top:myns-deep", {"entries": _DEEP, "images": ["client:myns", "redis:myns", "server:myns"]}),
    "delete_builds_no_image": (_runfiles_test, "top:myns-deep.delete", {
        "absent": ["image", "resolved", "overrides", "manifest.json"],
        "present": ["redis/myns.objects.json", "top/myns-deep.closure.json"],
    }),
    "describe_builds_no_image": (_runfiles_test, "top:myns-deep.describe", {"absent": ["image"], "present": ["redis/myns.objects.json"]}),
    "diff_takes_digests_only": (_runfiles_test, "top:myns-deep.diff", {
        "absent": ["image"],
        "present": ["redis/myns.resolved.json", "top/myns-deep.overrides.json"],
    }),
    "every_verb_is_everywhere": (_verbs_test, "client:myns", {
        "verbs": ["%s.%s" % (target, verb) for target in _RUNNABLE for verb in VERBS.keys() + ["resolve"]] + _RUNNABLE,
    }),
    "exec_builds_only_the_debug_image": (_runfiles_test, "top:myns-deep.exec", {
        "absent": ["image", "resolved"],
        "debug_image": True,
        "present": ["redis/myns.objects.json"],
    }),
    "myns_has_images_at_hand": (_runfiles_test, "top:myns-deep.apply", {
        "present": ["redis/image.manifest.json", "top/myns-deep.closure.json", "top/myns-deep.overrides.json"],
    }),
    "one_lock_for_all_environments": (_verbs_test, "top:myns", {"verbs": ["//rules/k8s/tests/stack/top:update_images"]}),
    "pin_builds_nothing": (_runfiles_test, "top:pin", {"absent": ["image"]}),
    "pin_finds_all_images": (_pin_test, "top:pin", {"names": ["client", "redis", "server"]}),
    "pin_push_has_images": (_runfiles_test, "top:pin.push", {"present": ["redis/image.manifest.json", "redis/image.digest"]}),
    "pinned_builds_no_image": (_closure_test, "top:dev-deep", {"entries": [name.replace("myns", "dev") for name in _DEEP]}),
    "rendering_reads_direct_deps": (_inputs_test, "client:myns_manifests", {
        "inputs": ["client/service.json", "redis/service.json", "server/service.json"],
        "mnemonic": "Jsonnet",
    }),
    "rendering_reads_nothing_else": (_inputs_test, "top:myns_manifests", {
        "inputs": ["client/service.json", "top/service.json"],
        "mnemonic": "Jsonnet",
    }),
    "resolving_pins_reads_pins": (_inputs_test, "server:dev", {
        "inputs": ["server/dev.objects.json", "server/pins.yaml"],
        "mnemonic": "K8sResolve",
    }),
    "resolving_reads_the_lock": (_inputs_test, "top:dev", {
        "inputs": ["top/dev.objects.json", "top/images.lock"],
        "mnemonic": "K8sResolve",
    }),
    "shallow_has_its_own": (_closure_test, "client:myns", {"entries": ["client:myns"], "images": ["client:myns"]}),
}

def closure_tests(name):
    """Defines the tests and a suite of them.

    Args:
      name: name of the suite.
    """
    for case, (make, target, attributes) in _CASES.items():
        make(
            name = case + "_test",
            size = "small",
            target_under_test = "//%s%s" % (_STACK, target),
            **attributes
        )
    _args_test(
        name = "args_reach_actions_only_test",
        size = "small",
        target_under_test = ":prebuilt",
        verbs = _with_args("prebuilt"),
    )
    native.test_suite(
        name = name,
        tests = [":%s_test" % case for case in _CASES] + [":args_reach_actions_only_test"],
    )
