"""The build setting that selects the compression of layers."""

_DOC = """The compression of layers if their rule does not set it: `bazel build --//rules/image:compression=far`.

`near`, for a registry on the same machine, takes the least time from files to an unpacked image. `far` compresses better
in twice the time. `gzip` is for clients that cannot read zstd. `none` does not compress.
"""

CompressionInfo = provider(
    doc = "How layers are compressed.",
    fields = {
        "kind": "string: zstd, gzip or none.",
        "level": "int: the zstd level, also for a rule that asks for zstd itself.",
    },
)

# README.md has the measurements.
_KINDS = {
    "far": CompressionInfo(kind = "zstd", level = 6),
    "gzip": CompressionInfo(kind = "gzip", level = 2),
    "near": CompressionInfo(kind = "zstd", level = 2),
    "none": CompressionInfo(kind = "none", level = 2),
}

def _impl(ctx):
    value = ctx.build_setting_value
    if value not in _KINDS:
        fail("--//rules/image:compression: '%s' is not a compression. Use one of %s." % (value, ", ".join(sorted(_KINDS))))
    return [_KINDS[value]]

compression = rule(
    implementation = _impl,
    doc = _DOC,
    build_setting = config.string(flag = True),
)
