"""service: a checked service.yaml."""

load(":building.bzl", "BUILD_ATTRS", "build_action", "build_args")
load(":providers.bzl", "ServiceInfo")

_DOC = "Checks a service.yaml and writes it as service.json for dependents."

_ATTRS = dict({
    "out": attr.output(
        mandatory = True,
        doc = "The JSON file to write. Dependents import it by its path in the workspace.",
    ),
    "src": attr.label(
        mandatory = True,
        allow_single_file = [".yaml"],
        doc = "The service.yaml: name, port and optional named ports.",
    ),
}, **BUILD_ATTRS)

def _impl(ctx):
    output = ctx.outputs.out
    args = build_args(ctx, "service")
    args.add_all([ctx.file.src, output])
    build_action(ctx, args, [ctx.file.src], output, "K8sService", "Checking %s" % ctx.file.src.short_path)
    return [DefaultInfo(files = depset([output])), ServiceInfo(json = output)]

service = rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
    provides = [ServiceInfo],
)
