"""well_known_proto: the definition of a type that the protobuf runtime contains."""

_DOC = "Copies google/protobuf/NAME.proto from grpcio-tools, for a proto_library that strips the prefix `well_known`."

_ATTRS = {
    "out": attr.output(
        mandatory = True,
        doc = "The file to write. Its base name selects the type.",
    ),
    "_tool": attr.label(
        default = Label("//rules/proto/tools:well_known"),
        executable = True,
        cfg = "exec",
        doc = "The program that copies the file.",
    ),
}

def _impl(ctx):
    args = ctx.actions.args()
    args.add(ctx.outputs.out.basename)
    args.add(ctx.outputs.out)
    ctx.actions.run(
        executable = ctx.attr._tool[DefaultInfo].files_to_run,
        arguments = [args],
        outputs = [ctx.outputs.out],
        mnemonic = "WellKnownProto",
        progress_message = "Copying %s" % ctx.outputs.out.short_path,
    )

well_known_proto = rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
)
