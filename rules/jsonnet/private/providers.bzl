"""What Jsonnet targets tell each other."""

JsonnetLibraryInfo = provider(
    doc = "Files and import folders of a Jsonnet library and of all that it depends on.",
    fields = {
        "imports": "depset of strings: import folders as execution paths, the library's own first, and the roots of other repositories that have a library. Empty: none.",
        "short_imports": "depset of strings: the same folders as runfiles paths, for tests. Empty: none.",
        "transitive_jsonnet_files": "depset of Files: everything that an import through this library may reach.",
    },
)

JsonnetProgramInfo = provider(
    doc = "How a target evaluates its program, for rules that evaluate it again.",
    fields = {
        "arguments": "List of strings: arguments of the tool, but for the inputs, with execution paths.",
        "importable": "depset of Files: what imports may reach, the program among it.",
        "inputs": "depset of Files: importable, and the workspace status where the target is stamped.",
        "uses_env": "bool: whether it reads environment variables (--action_env).",
    },
)
