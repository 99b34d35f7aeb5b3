"""jsonnet_toolchain: an engine with its tools."""

load(":engines.bzl", "ENGINES", "JsonnetEngineInfo")

_DOC = """Declares an engine with tools of your own.

```
jsonnet_toolchain(
    name = "own",
    check = ":own_check",
    engine = "gojsonnet",
    render = ":own_render",
)

toolchain(
    name = "toolchain",
    toolchain = ":own",
    toolchain_type = "//rules/jsonnet:toolchain_type",
)
```

WORKSPACE registers the toolchain with `register_toolchains`."""

_ATTRS = {
    "check": attr.label(
        mandatory = True,
        executable = True,
        cfg = "target",
        doc = "The tool of jsonnet_to_json_test, with this engine among its files.",
    ),
    "engine": attr.string(
        mandatory = True,
        values = ENGINES,
        doc = "The engine's name.",
    ),
    "render": attr.label(
        mandatory = True,
        executable = True,
        cfg = "exec",
        doc = "The worker, with this engine among its files. It gets `--engine=NAME`, `--timeout=SECONDS` and `--memory=MIB`.",
    ),
}

def _impl(ctx):
    info = JsonnetEngineInfo(
        name = ctx.attr.engine,
        check = ctx.attr.check[DefaultInfo].files_to_run,
        check_runfiles = ctx.attr.check[DefaultInfo].default_runfiles,
        render = ctx.attr.render[DefaultInfo].files_to_run,
    )
    return [info, platform_common.ToolchainInfo(jsonnet = info)]

jsonnet_toolchain = rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
)
