"""The providers of the Go rules."""

GoModuleInfo = provider(
    doc = "A Go module: its go.mod and go.sum, and what it requires.",
    fields = {
        "downloads": "depset of Files: the required modules, laid out as Go's module proxy protocol says.",
        "go_mod": "File: the module's go.mod.",
        "go_sum": "File or None: the module's go.sum. None: it requires no module.",
    },
)

GoSourcesInfo = provider(
    doc = "Sources of Go packages, of one target and of everything that it depends on.",
    fields = {
        "sources": """depset of struct(file = File, importpath = string). An importpath is that of the file's package.

Empty: the file's place below the folder of go.mod decides.""",
    },
)

GoProtoInfo = provider(
    doc = "The import paths of generated packages.",
    fields = {
        "importpaths": "depset of struct(proto = string, importpath = string): the path by which .proto files import a file, and its package.",
    },
)
