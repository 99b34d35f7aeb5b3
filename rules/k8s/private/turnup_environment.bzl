"""Who is building and for which cluster: the values that may differ between two shells on one machine."""

_DOC = """Writes `env.bzl` with SETTINGS: user, namespace, context, cluster, subnet, registry (empty string: not given).

Evaluated again whenever one of the variables changes, so that `TURNUP_CONTEXT=other bazel run …` builds for the other
cluster. user is $USER, or the account's name where $USER is unset; namespace is the DNS label made of it.
"""

_VARIABLES = {
    "cluster": "TURNUP_CLUSTER",
    "context": "TURNUP_CONTEXT",
    "registry": "TURNUP_REGISTRY",
    "subnet": "TURNUP_SUBNET",
}

_ATTRS = {
    "_python": attr.label(
        doc = "A file with the path of the interpreter to run the tool on.",
        default = "@host_python//:path.txt",
        allow_single_file = True,
    ),
    "_tool": attr.label(
        doc = "The program that turns a user's name into a namespace.",
        default = "//rules/k8s/tools:user_namespace.py",
        allow_single_file = True,
    ),
}

def _impl(repository_ctx):
    result = repository_ctx.execute([repository_ctx.read(repository_ctx.attr._python), "-I", "-S", repository_ctx.path(repository_ctx.attr._tool)])
    if result.return_code != 0:
        fail(result.stderr.strip())
    user, namespace = result.stdout.splitlines()[:2]
    values = {key: repository_ctx.os.environ.get(name, "") for key, name in _VARIABLES.items()}
    values.update(namespace = namespace, user = user)
    repository_ctx.file("BUILD", 'exports_files(["env.bzl"])\n')
    fields = "".join(["    %s = %s,\n" % (key, repr(values[key])) for key in sorted(values)])
    repository_ctx.file("env.bzl", '"""Values of this shell."""\n\nSETTINGS = struct(\n%s)\n' % fields)

turnup_environment = repository_rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
    environ = ["USER"] + sorted(_VARIABLES.values()),
    local = True,
)
