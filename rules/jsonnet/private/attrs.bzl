"""The attributes that jsonnet_to_json and jsonnet_to_json_test share."""

load(":engines.bzl", "ENGINE_ATTRS")
load(":jsonnet_library.bzl", "SOURCE_TYPES")
load(":providers.bzl", "JsonnetLibraryInfo")

_INPUTS = {
    "data": attr.label_list(
        allow_files = True,
        doc = "Files, sources or generated, that the program imports by their workspace path. Empty: none.",
    ),
    "deps": attr.label_list(
        providers = [JsonnetLibraryInfo],
        doc = "Libraries that the program imports. Empty: none.",
    ),
    "imports": attr.string_list(
        doc = "Folders, relative to this package, that imports search after the importing file's own. Empty: none.",
    ),
    "src": attr.label(
        allow_single_file = SOURCE_TYPES,
        mandatory = True,
        doc = "The program to evaluate.",
    ),
}

_EXT = {
    "code_vars": attr.string_dict(
        doc = "Old name of ext_code; giving both is an error. Empty: not used.",
    ),
    "ext_code": attr.string_dict(
        doc = "External variables whose values are code: name to code. `$(NAME)` as a whole value is a Make variable. Empty: none.",
    ),
    "ext_code_envs": attr.string_list(
        doc = "External variables whose code is the environment variable of the same name (--action_env). Empty: none.",
    ),
    "ext_code_file_vars": attr.string_list(
        doc = "Names for ext_code_files, in the same order. Empty: none.",
    ),
    "ext_code_files": attr.label_list(
        allow_files = True,
        doc = "Files whose value is an external variable, named by ext_code_file_vars. Empty: none.",
    ),
    "ext_code_libraries": attr.label_keyed_string_dict(
        providers = [JsonnetLibraryInfo],
        doc = "Libraries of one source file each to the name of the external variable that holds its value. Empty: none.",
    ),
    "ext_str_envs": attr.string_list(
        doc = "External variables whose text is the environment variable of the same name (--action_env). Empty: none.",
    ),
    "ext_str_file_vars": attr.string_list(
        doc = "Names for ext_str_files, in the same order. Empty: none.",
    ),
    "ext_str_files": attr.label_list(
        allow_files = True,
        doc = "Files whose text is an external variable, named by ext_str_file_vars. Empty: none.",
    ),
    "ext_strs": attr.string_dict(
        doc = "External variables that are strings: name to text. `$(NAME)` as a whole value is a Make variable. Empty: none.",
    ),
    "vars": attr.string_dict(
        doc = "Old name of ext_strs; giving both is an error. Empty: not used.",
    ),
}

_TLA = {
    "tla_code": attr.string_dict(
        doc = "Arguments of the top-level function whose values are code: name to code. Empty: none.",
    ),
    "tla_code_envs": attr.string_list(
        doc = "Top-level arguments whose code is the environment variable of the same name. Empty: none.",
    ),
    "tla_code_files": attr.label_keyed_string_dict(
        allow_files = True,
        doc = "Files to the name of the top-level argument that gets the file's value. Empty: none.",
    ),
    "tla_code_libraries": attr.label_keyed_string_dict(
        providers = [JsonnetLibraryInfo],
        doc = "Libraries of one source file each to the name of the top-level argument that gets its value. Empty: none.",
    ),
    "tla_str_envs": attr.string_list(
        doc = "Top-level arguments whose text is the environment variable of the same name. Empty: none.",
    ),
    "tla_str_files": attr.label_keyed_string_dict(
        allow_files = True,
        doc = "Files to the name of the top-level argument that gets the file's text. Empty: none.",
    ),
    "tla_strs": attr.string_dict(
        doc = "Arguments of the top-level function that are strings: name to text. Empty: none.",
    ),
}

_OUTPUTS = {
    "extra_args": attr.string_list(
        doc = "Engine options: --string (-S), --max-stack N (-s), --max-trace N (-t; 0 for the whole stack); `--max-stack=N` and \"--max-stack N\" as one entry are the same. Empty: none.",
    ),
    "multiple_outputs": attr.bool(
        doc = "The program's value is an object of {file name: content}; implied by several outs and by out_dir.",
    ),
    "out_dir": attr.string(
        doc = "Folder to fill with the fields of the program's value, in place of outs. Empty: outs is used.",
    ),
    "stamp_keys": attr.string_list(
        doc = "Names of variables and arguments in whose text `{KEY}` is replaced from the workspace status. Empty: none.",
    ),
    "yaml_stream": attr.bool(
        doc = "The program's value is an array, written as a stream of YAML documents.",
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
