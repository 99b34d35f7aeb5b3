"""registry_login: the program that knows the login of the registry in the cluster."""

load("@turnup_env//:constants.bzl", "CONTEXT")
load(":launching.bzl", "write_launcher")

_DOC = """Builds a credential helper, which reads the login of the registry in the cluster from the cluster when a push needs it.

The cluster is the one of the kubeconfig context CONTEXT in cluster_constants.bzl."""

_ATTRS = {
    "_launcher": attr.label(
        default = Label("//rules/k8s/tools:launcher.sh.tpl"),
        allow_single_file = True,
        doc = "The launcher's template.",
    ),
    "_tool": attr.label(
        default = Label("//rules/k8s/tools/images:k8s_registry_login"),
        executable = True,
        cfg = "target",
        doc = "The program that reads the login.",
    ),
}

def _impl(ctx):
    plan = ctx.actions.declare_file(ctx.label.name + ".plan.json")
    ctx.actions.write(plan, json.encode(struct(context = CONTEXT)))
    launcher = write_launcher(ctx, ctx.attr._tool, [], plan, ctx.runfiles())
    return [DefaultInfo(executable = launcher.executable, files = depset([launcher.executable]), runfiles = launcher.runfiles)]

registry_login = rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
    executable = True,
)
