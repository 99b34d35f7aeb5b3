"""The providers of the Jsonnet rules."""

JsonnetLibraryInfo = provider(
    doc = "The files and import folders of a Jsonnet library and its transitive dependencies.",
    fields = {
        "imports": "depset of strings: import folders as execution paths, the library's own first, then roots of other repositories with libraries. Empty: none.",
        "short_imports": "depset of strings: the same folders as runfiles paths, for tests. Empty: none.",
        "transitive_jsonnet_files": "depset of Files: all files that imports through this library can reach.",
    },
)

JsonnetProgramInfo = provider(
    doc = "How to evaluate the program of a target, for rules that evaluate it again.",
    fields = {
        "arguments": "list of strings: arguments of the tool, except inputs, with execution paths.",
        "importable": "depset of Files: all files that imports can reach, including the program.",
        "inputs": "depset of Files: importable, and the workspace status if the target is stamped.",
        "uses_env": "bool: whether it reads environment variables (--action_env).",
    },
)
