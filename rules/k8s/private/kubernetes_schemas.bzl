"""kubernetes_schemas: the schemas that build actions check manifests against."""

_DOC = """Writes one file of schemas for each minor version of Kubernetes.

An action extracts them from the wheel of kubernetes-validate, which has those of many versions."""

_ATTRS = {
    "facts": attr.label(
        doc = "What the published schemas leave out; see tools/schemas/update_api_facts.py.",
        mandatory = True,
        allow_single_file = [".json"],
    ),
    "tool": attr.label(
        doc = "The program that writes a file.",
        mandatory = True,
        executable = True,
        cfg = "exec",
    ),
    "versions": attr.string_list(
        doc = "Minor versions, such as 1.34. Empty: nothing is checked.",
    ),
    "wheel": attr.label(
        doc = "The wheel_library of kubernetes-validate.",
        mandatory = True,
    ),
}

def _impl(ctx):
    outputs = []
    wheel = ctx.attr.wheel[OutputGroupInfo].wheel
    for version in ctx.attr.versions:
        output = ctx.actions.declare_file("%s-%s.json" % (ctx.label.name, version))
        args = ctx.actions.args()
        args.add_all(wheel)
        args.add_all([ctx.file.facts, version, output])
        ctx.actions.run(
            executable = ctx.attr.tool[DefaultInfo].files_to_run,
            arguments = [args],
            inputs = depset([ctx.file.facts], transitive = [wheel]),
            outputs = [output],
            mnemonic = "KubernetesSchemas",
            progress_message = "Extracting the schemas of Kubernetes %s" % version,
        )
        outputs.append(output)
    return [DefaultInfo(files = depset(outputs))]

kubernetes_schemas = rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
)
