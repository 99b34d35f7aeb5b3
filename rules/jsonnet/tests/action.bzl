"""Analysis test of the rendering action: its inputs and how it is started."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")
load("//rules/jsonnet:defs.bzl", "jsonnet_library", "jsonnet_to_json")

# The files need no contents, and need not exist: the test looks at the action and does not run it.
_INPUTS = [
    "data.txt",
    "ext_code_file.json",
    "ext_library.json",
    "ext_library_dep.json",
    "ext_str_file.json",
    "lib.json",
    "lib_data.json",
    "main.jsonnet",
    "tla_code_file.json",
    "tla_library.json",
    "tla_str_file.json",
]

def _action_test_impl(ctx):
    env = analysistest.begin(ctx)
    actions = [action for action in analysistest.target_actions(env) if action.mnemonic == "Jsonnet"]
    asserts.equals(env, 1, len(actions))
    inputs = {file.basename: None for file in actions[0].inputs.to_list()}
    for name in _INPUTS:
        asserts.true(env, name in inputs, "%s is no input, so a change of it would not render again" % name)
    asserts.false(env, "other.libsonnet" in inputs, "a file that nothing names is an input")
    return analysistest.end(env)

_action_test = analysistest.make(_action_test_impl)

def action_test(name):
    """Checks that everything that an import may reach is an input, whichever attribute names it.

    Args:
      name: Name of the test.
    """
    jsonnet_library(
        name = "reached",
        srcs = ["lib.json"],
        data = ["lib_data.json"],
        tags = ["manual"],
    )
    jsonnet_library(
        name = "ext_library_dep",
        srcs = ["ext_library_dep.json"],
        tags = ["manual"],
    )
    jsonnet_library(
        name = "ext_library",
        srcs = ["ext_library.json"],
        tags = ["manual"],
        deps = [":ext_library_dep"],
    )
    jsonnet_library(
        name = "tla_library",
        srcs = ["tla_library.json"],
        tags = ["manual"],
    )
    jsonnet_to_json(
        name = "reaching",
        src = "main.jsonnet",
        outs = ["reaching.json"],
        data = ["data.txt"],
        ext_code_file_vars = ["a"],
        ext_code_files = ["ext_code_file.json"],
        ext_code_libraries = {":ext_library": "b"},
        ext_str_file_vars = ["c"],
        ext_str_files = ["ext_str_file.json"],
        tags = ["manual"],
        tla_code_files = {"tla_code_file.json": "d"},
        tla_code_libraries = {":tla_library": "e"},
        tla_str_files = {"tla_str_file.json": "f"},
        deps = [":reached"],
    )
    _action_test(
        name = name,
        size = "small",
        target_under_test = ":reaching",
    )
