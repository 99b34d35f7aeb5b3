"""well_known_proto: the definition of a type that the protobuf runtime brings along."""

_DOC = "Writes google/protobuf/NAME.proto as grpcio-tools has it, for a proto_library to strip `well_known` from."

_ATTRS = {
    "out": attr.output(
        mandatory = True,
        doc = "The file to write; its base name says which type.",
    ),
    "_tool": attr.label(
        default = Label("//rules/proto/tools:well_known"),
        executable = True,
        cfg = "exec",
        doc = "The program that copies.",
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
