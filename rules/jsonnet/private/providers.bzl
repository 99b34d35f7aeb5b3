"""What a Jsonnet library tells those who import it."""

JsonnetLibraryInfo = provider(
    doc = "Files and import folders of a Jsonnet library and of all that it depends on.",
    fields = {
        "imports": "depset of strings: import folders as execution paths, the library's own first. Empty: none.",
        "short_imports": "depset of strings: the same folders as runfiles paths, for tests. Empty: none.",
        "transitive_jsonnet_files": "depset of Files: everything that an import through this library may reach.",
    },
)
