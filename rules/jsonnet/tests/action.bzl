"""Analysis test of the rendering action: its inputs and its command line."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")
load("//rules/jsonnet:defs.bzl", "jsonnet_library", "jsonnet_to_json")

# The files need not exist: the test looks at the action and does not run it.
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
        asserts.true(env, name in inputs, "%s is not an input, so a change of it would not render again" % name)
    asserts.false(env, "other.libsonnet" in inputs, "a file that no attribute names is an input")
    return analysistest.end(env)

_action_test = analysistest.make(_action_test_impl)

def _engine_action_test_impl(ctx):
    env = analysistest.begin(ctx)
    (action,) = [action for action in analysistest.target_actions(env) if action.mnemonic == "Jsonnet"]
    engine = ctx.attr.engine
    asserts.true(env, "--engine=" + engine in action.argv, "the worker is started with %s" % action.argv)
    asserts.true(env, action.argv[0].endswith("/render_" + engine), "the tool is %s" % action.argv[0])
    return analysistest.end(env)

# One rule for each engine, because a rule has fixed configuration settings.
_gojsonnet_test = analysistest.make(
    _engine_action_test_impl,
    attrs = {"engine": attr.string(default = "gojsonnet", doc = "The engine that the action must use.")},
    config_settings = {str(Label("//rules/jsonnet:engine")): "gojsonnet"},
)

_jsonnet_test = analysistest.make(
    _engine_action_test_impl,
    attrs = {"engine": attr.string(default = "jsonnet", doc = "The engine that the action must use.")},
    config_settings = {str(Label("//rules/jsonnet:engine")): "jsonnet"},
)

def _own_tools_test_impl(ctx):
    env = analysistest.begin(ctx)
    (action,) = [action for action in analysistest.target_actions(env) if action.mnemonic == "Jsonnet"]
    asserts.true(env, action.argv[0].endswith("/own_render"), "the tool is %s" % action.argv[0])
    asserts.equals(env, ["--engine=rjsonnet", "--timeout=7", "--memory=70"], action.argv[1:4])
    return analysistest.end(env)

_own_tools_test = analysistest.make(
    _own_tools_test_impl,
    config_settings = {
        "//command_line_option:extra_toolchains": "//rules/jsonnet/examples/engines:own_toolchain",
        str(Label("//rules/jsonnet:memory")): 70,
        str(Label("//rules/jsonnet:timeout")): 7,
    },
)

def _wheel_toolchain_test_impl(ctx):
    env = analysistest.begin(ctx)
    (action,) = [action for action in analysistest.target_actions(env) if action.mnemonic == "Jsonnet"]
    asserts.true(env, action.argv[0].endswith("/render_gojsonnet_wheel"), "the tool is %s" % action.argv[0])
    asserts.equals(env, "--engine=gojsonnet", action.argv[1])
    programs = [file.path for file in action.inputs.to_list() if "/jsonnet_tools/" in file.path]
    asserts.equals(env, [], programs)
    return analysistest.end(env)

_wheel_toolchain_test = analysistest.make(
    _wheel_toolchain_test_impl,
    config_settings = {"//command_line_option:extra_toolchains": "//rules/jsonnet:wheel_toolchain"},
)

def wheel_toolchain_test(name):
    """Checks that the toolchain for machines without Go evaluates with the Python package and needs no Go program.

    Args:
      name: Name of the test.
    """
    _wheel_toolchain_test(
        name = name,
        size = "small",
        target_under_test = ":by_flag",
    )

def own_tools_test(name):
    """Checks that a registered toolchain with own tools is used, and gets the limits.

    Args:
      name: Name of the test.
    """
    _own_tools_test(
        name = name,
        size = "small",
        target_under_test = ":by_flag",
    )

def engine_flag_tests(name):
    """Checks that the flag selects the engine of an action, and that an attribute overrides it.

    Args:
      name: Start of the tests' names.
    """
    jsonnet_to_json(
        name = "by_flag",
        src = "main.jsonnet",
        outs = ["by_flag.json"],
        tags = ["manual"],
    )
    jsonnet_to_json(
        name = "by_attribute",
        src = "main.jsonnet",
        outs = ["by_attribute.json"],
        engine = "rjsonnet",
        tags = ["manual"],
    )
    _gojsonnet_test(
        name = name + "_gojsonnet_test",
        size = "small",
        target_under_test = ":by_flag",
    )
    _jsonnet_test(
        name = name + "_jsonnet_test",
        size = "small",
        target_under_test = ":by_flag",
    )
    _gojsonnet_test(
        name = name + "_overridden_test",
        size = "small",
        engine = "rjsonnet",
        target_under_test = ":by_attribute",
    )

def action_test(name):
    """Checks that every file that an import can reach is an input, regardless of the attribute that names it.

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
