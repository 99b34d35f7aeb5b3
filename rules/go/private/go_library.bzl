"""go_library: Go sources that several targets of one module share."""

load(":compile.bzl", "SOURCES_ATTRS", "sources_info")
load(":providers.bzl", "GoSourcesInfo")

_DOC = """Groups the sources of a Go package, for `deps` of go_binary, go_test and go_library.

```
go_library(
    name = "guide",
    srcs = ["guide.go"],
    deps = ["//proto:route_guide_go"],
)
```

A package's import path is the module's path and its folder below go.mod, as the Go command expects it. Go compiles the package
when a program or a test needs it."""

def _impl(ctx):
    return [
        DefaultInfo(files = depset(ctx.files.srcs + ctx.files.embedsrcs)),
        sources_info(ctx),
    ]

go_library = rule(
    implementation = _impl,
    doc = _DOC,
    attrs = SOURCES_ATTRS,
    provides = [GoSourcesInfo],
)
