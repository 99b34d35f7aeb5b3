"""service: a checked service.yaml."""

load(":providers.bzl", "ServiceInfo")

_DOC = "Checks a service.yaml and gives it to dependents as service.json."

_ATTRS = {
    "out": attr.output(
        mandatory = True,
        doc = "The JSON file to write; dependents import it by its path in the workspace.",
    ),
    "src": attr.label(
        mandatory = True,
        allow_single_file = [".yaml"],
        doc = "The service.yaml: name, port and optional named ports.",
    ),
    "_build": attr.label(
        default = "//rules/k8s/tools:k8s_build",
        executable = True,
        cfg = "exec",
        doc = "The program of the build actions.",
    ),
}

def _impl(ctx):
    output = ctx.outputs.out
    args = ctx.actions.args()
    args.add_all(["service", ctx.file.src, output])
    ctx.actions.run(
        executable = ctx.attr._build[DefaultInfo].files_to_run,
        arguments = [args],
        inputs = [ctx.file.src],
        outputs = [output],
        mnemonic = "K8sService",
        progress_message = "Checking %s" % ctx.file.src.short_path,
    )
    return [DefaultInfo(files = depset([output])), ServiceInfo(json = output)]

service = rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
    provides = [ServiceInfo],
)
