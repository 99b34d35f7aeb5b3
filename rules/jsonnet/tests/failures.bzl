"""Analysis tests of the error for each wrong use of the Jsonnet rules."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")
load("//rules/jsonnet:defs.bzl", "jsonnet_fmt_test", "jsonnet_library", "jsonnet_to_json", "jsonnet_to_json_test")

def _failure_test_impl(ctx):
    env = analysistest.begin(ctx)
    asserts.expect_failure(env, ctx.attr.message)
    return analysistest.end(env)

_failure_test = analysistest.make(
    _failure_test_impl,
    expect_failure = True,
    attrs = {"message": attr.string(mandatory = True, doc = "Text that the failure must contain.")},
)

_wrong_engine_test = analysistest.make(
    _failure_test_impl,
    expect_failure = True,
    attrs = {"message": attr.string(mandatory = True, doc = "Text that the failure must contain.")},
    config_settings = {str(Label("//rules/jsonnet:engine")): "v8"},
)

_wrong_limit_test = analysistest.make(
    _failure_test_impl,
    expect_failure = True,
    attrs = {"message": attr.string(mandatory = True, doc = "Text that the failure must contain.")},
    config_settings = {str(Label("//rules/jsonnet:timeout")): 0},
)

# The files need not exist: the tests analyze targets and build none.
def _to_json(name, **attrs):
    jsonnet_to_json(**dict(dict(name = name, src = "main.jsonnet", tags = ["manual"], outs = [name + ".json"]), **attrs))

def _to_json_test(name, **attrs):
    jsonnet_to_json_test(**dict(dict(name = name, src = "main.jsonnet", tags = ["manual"]), **attrs))

def _fmt(name, **attrs):
    jsonnet_fmt_test(name = name, tags = ["manual"], **attrs)

def _library(name, **attrs):
    jsonnet_library(name = name, tags = ["manual"], **attrs)

# Map of case to (rule, attributes, message).
_CASES = {
    "absolute_import": (_library, {"imports": ["/lib"]}, "imports has the absolute path '/lib'. Use a folder relative to the package."),
    "bound_twice": (_to_json, {"ext_code": {"v": "1"}, "ext_strs": {"v": "x"}}, "both ext_str and ext_code set 'v'. Remove one."),
    "code_vars_and_ext_code": (_to_json, {"code_vars": {"a": "1"}, "ext_code": {"b": "1"}}, "'ext_code' and its old name 'code_vars' are both set. Move all entries to 'ext_code'."),
    "environment_variable": (_to_json, {"ext_str_envs": ["A=b"]}, "ext_str_envs has 'A=b', which is not a variable name. Use only the name, and pass its value with --action_env=NAME=VALUE."),
    "error_code": (_to_json_test, {"error": 7}, "error is 7. Use 0 for a program that must succeed, or 1 for one that must fail."),
    "extra_args_imports": (_to_json, {"extra_args": ["-J", "lib"]}, "extra_args has '-J'. Use the attribute imports."),
    "extra_args_number": (_to_json, {"extra_args": ["-s", "deep"]}, "extra_args has 'deep' after --max-stack. Use a whole number above 0."),
    "extra_args_stack": (_to_json, {"extra_args": ["--max-stack=0"]}, "extra_args has '0' after --max-stack. Use a whole number above 0."),
    "extra_args_stream": (_to_json, {"extra_args": ["-y"]}, "extra_args has '-y'. Use the attribute yaml_stream."),
    "extra_args_truncated": (_to_json, {"extra_args": ["--max-trace"]}, "extra_args ends after --max-trace. Add its number."),
    "extra_args_unknown": (_to_json, {"extra_args": ["--gc-min-objects"]}, "extra_args has '--gc-min-objects', which is not supported. Use --string, --max-stack N or --max-trace N."),
    "file_without_name": (_to_json, {"ext_str_files": ["main.jsonnet"]}, "ext_str_files has 1 files, but ext_str_file_vars has 0 names. Use one name for each file."),
    "fmt_of_nothing": (_fmt, {"srcs": []}, "srcs is empty. Add the files to check."),
    "library_of_two_files": (_to_json, {"ext_code_libraries": {":two_files": "v"}}, "ext_code_libraries has //rules/jsonnet/tests:two_files, which has 2 files. Use a target with exactly one file."),
    "make_variable": (_to_json, {"ext_strs": {"v": "$(NO_SUCH_VARIABLE)"}}, "ext_str uses the Make variable $(NO_SUCH_VARIABLE), which is not defined. Pass --define=NO_SUCH_VARIABLE=VALUE."),
    "no_outputs": (_to_json, {"outs": []}, "neither outs nor out_dir is set. Set either outs (files) or out_dir (a folder)."),
    "outs_and_out_dir": (_to_json, {"out_dir": "d"}, "both outs and out_dir are set. Set either outs (files) or out_dir (a folder)."),
    "regex_without_golden": (_to_json_test, {"regex": True}, "regex is set, but golden is not. Set golden to a file with the pattern."),
    "stamp_key": (_to_json, {"ext_strs": {"v": "x"}, "stamp_keys": ["w"]}, "stamp_keys has 'w', which ext_strs, ext_code, tla_strs and tla_code do not set. Remove it, or add the variable."),
    "vars_and_ext_strs": (_to_json, {"ext_strs": {"b": "1"}, "vars": {"a": "1"}}, "'ext_strs' and its old name 'vars' are both set. Move all entries to 'ext_strs'."),
    "yaml_stream_of_several": (_to_json, {"outs": ["s1.json", "s2.json"], "yaml_stream": True}, "yaml_stream writes one file. Use one entry in outs and remove multiple_outputs."),
}

def failure_tests(name):
    """Defines a wrong target and its test for every case, and a suite of the tests.

    Args:
      name: Name of the suite.
    """
    jsonnet_library(
        name = "two_files",
        srcs = [
            "main.jsonnet",
            "other.libsonnet",
        ],
        tags = ["manual"],
    )
    for case, (make, attributes, message) in _CASES.items():
        make("wrong_" + case, **attributes)
        _failure_test(
            name = case + "_fails_test",
            size = "small",
            message = message,
            target_under_test = ":wrong_" + case,
        )
    _wrong_engine_test(
        name = "engine_flag_fails_test",
        size = "small",
        message = "--//rules/jsonnet:engine: 'v8' is not an engine. Use one of gojsonnet, rjsonnet, jsonnet.",
        target_under_test = "//rules/jsonnet:engine",
    )
    _wrong_limit_test(
        name = "limit_flag_fails_test",
        size = "small",
        message = "--//rules/jsonnet:timeout: 0 is not a limit. Use a whole number above 0.",
        target_under_test = "//rules/jsonnet:timeout",
    )
    native.test_suite(
        name = name,
        tests = [":%s_fails_test" % case for case in _CASES.keys() + ["engine_flag", "limit_flag"]],
    )
