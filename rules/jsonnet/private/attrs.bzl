"""The attributes that jsonnet_to_json and jsonnet_to_json_test share."""

load(":engines.bzl", "ENGINE_ATTRS")
load(":jsonnet_library.bzl", "SOURCE_TYPES")
load(":providers.bzl", "JsonnetLibraryInfo")

# Part of the doc of each attribute with values.
_VALUE = "`$(NAME)` as the whole value is a Make variable, if NAME has only letters, digits and `_`; any other value is taken as it is."

_INPUTS = {
    "data": attr.label_list(
        allow_files = True,
        doc = "Other files that the program imports by their workspace path, sources or generated. Empty: none.",
    ),
    "deps": attr.label_list(
        providers = [JsonnetLibraryInfo],
        doc = "Libraries that the program imports. Empty: none.",
    ),
    "imports": attr.string_list(
        doc = "Folders, relative to the package, that imports search after the importing file's own folder. Empty: none.",
    ),
    "src": attr.label(
        allow_single_file = SOURCE_TYPES,
        mandatory = True,
        doc = "The program to evaluate.",
    ),
}

_EXT = {
    "code_vars": attr.string_dict(
        doc = "The old name of `ext_code`; setting both is an error. Empty: not used.",
    ),
    "ext_code": attr.string_dict(
        doc = "External variables (`std.extVar`) that are code: maps a name to code. Empty: none.\n\n" + _VALUE,
    ),
    "ext_code_envs": attr.string_list(
        doc = "Environment variables (`--action_env=NAME=VALUE`) that become external variables with code. Empty: none.",
    ),
    "ext_code_file_vars": attr.string_list(
        doc = "The names for `ext_code_files`, in the same order. Empty: none.",
    ),
    "ext_code_files": attr.label_list(
        allow_files = True,
        doc = "Files with code that become external variables, named by `ext_code_file_vars`. Empty: none.",
    ),
    "ext_code_libraries": attr.label_keyed_string_dict(
        providers = [JsonnetLibraryInfo],
        doc = "Maps a library with one source file to the external variable that gets the file's value. Empty: none.",
    ),
    "ext_str_envs": attr.string_list(
        doc = "Environment variables (`--action_env=NAME=VALUE`) that become external variables with text. Empty: none.",
    ),
    "ext_str_file_vars": attr.string_list(
        doc = "The names for `ext_str_files`, in the same order. Empty: none.",
    ),
    "ext_str_files": attr.label_list(
        allow_files = True,
        doc = "Files with text that become external variables, named by `ext_str_file_vars`. Empty: none.",
    ),
    "ext_strs": attr.string_dict(
        doc = "External variables (`std.extVar`) that are strings: maps a name to text. Empty: none.\n\n" + _VALUE,
    ),
    "vars": attr.string_dict(
        doc = "The old name of `ext_strs`; setting both is an error. Empty: not used.",
    ),
}

_TLA = {
    "advice": attr.string_dict(
        doc = """What to do if the program reads a field that a top-level argument does not have: maps an argument to a sentence. Empty: none.

The sentence is added to the error; `{field}` stands for the field, and `{build_file}` for the path of this target's BUILD file.""",
    ),
    "tla_code": attr.string_dict(
        doc = """Top-level arguments that are code: maps a name to code. Empty: none.

The code may import declared files: `tla_code = {"service": "import 'svc/service.json'"}`.

""" + _VALUE,
    ),
    "tla_code_envs": attr.string_list(
        doc = "Environment variables (`--action_env=NAME=VALUE`) that become top-level arguments with code. Empty: none.",
    ),
    "tla_code_files": attr.label_keyed_string_dict(
        allow_files = True,
        doc = "Maps a file to the top-level argument that gets the file's value. Empty: none.",
    ),
    "tla_code_libraries": attr.label_keyed_string_dict(
        providers = [JsonnetLibraryInfo],
        doc = "Maps a library with one source file to the top-level argument that gets the file's value. Empty: none.",
    ),
    "tla_str_envs": attr.string_list(
        doc = "Environment variables (`--action_env=NAME=VALUE`) that become top-level arguments with text. Empty: none.",
    ),
    "tla_str_files": attr.label_keyed_string_dict(
        allow_files = True,
        doc = "Maps a file to the top-level argument that gets the file's text. Empty: none.",
    ),
    "tla_strs": attr.string_dict(
        doc = "Top-level arguments that are strings: maps a name to text. Empty: none.\n\n" + _VALUE,
    ),
}

_OUTPUTS = {
    "extra_args": attr.string_list(
        doc = """Engine options: `--string` (`-S`), `--max-stack N` (`-s`), `--max-trace N` (`-t`). Empty: none.

`--max-trace 0` shows the whole stack. `"--max-stack=9"`, `"--max-stack 9"` and two separate entries mean the same.""",
    ),
    "multiple_outputs": attr.bool(
        doc = """Whether the program's value is an object `{file name: content}`. Several `outs`, or `out_dir`, imply it.

The names are relative to the deepest folder that contains all outputs, and must be exactly the declared ones.""",
    ),
    "out_dir": attr.string(
        doc = "A folder to write instead of `outs`, with one file for each field of the program's value. Empty: `outs` is used.",
    ),
    "stamp_keys": attr.string_list(
        doc = """Variables and arguments with stamp variables to replace. Empty: none.

In their text, each `{KEY}` of Bazel's workspace status is replaced with its value. KEY has capital letters, digits and
underscores.""",
    ),
    "yaml_stream": attr.bool(
        doc = "Whether the program's value is an array to write as a stream of YAML documents.",
    ),
}

def _merge(groups):
    """Joins attribute dictionaries.

    Args:
      groups: List of dictionaries without common keys.

    Returns:
      One dictionary.
    """
    merged = {}
    for group in groups:
        merged.update(group)
    return merged

COMMON_ATTRS = _merge([_INPUTS, _EXT, _TLA, _OUTPUTS, ENGINE_ATTRS])
