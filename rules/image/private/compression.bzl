"""The build setting that says how layers are packed."""

_DOC = """`bazel build --//rules/image:compression=far`: how layers are packed whose rule does not say it.

`near`, for a registry in the same machine, is what took the least time from files to an unpacked image; `far` packs
better, at twice the time; `gzip` is for readers that know no zstd; `none` packs nothing.
"""

CompressionInfo = provider(
    doc = "How layers are packed.",
    fields = {
        "kind": "string: zstd, gzip or none.",
        "level": "int: the level that zstd has, also where a rule asks for zstd itself.",
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
        fail("--//rules/image:compression: found '%s': write one of %s" % (value, ", ".join(sorted(_KINDS))))
    return [_KINDS[value]]

compression = rule(
    implementation = _impl,
    doc = _DOC,
    build_setting = config.string(flag = True),
)
