"""turnup_environment: the user and the cluster of the present shell."""

_DOC = """Writes `env.bzl` with SETTINGS, the user and the cluster of the present shell.

SETTINGS is a struct of strings: `user`, `namespace`, `context`, `cluster`, `subnet` and `registry`. `user` is `$USER`, or the
account's name if `$USER` is not set; `namespace` is the DNS label made from it. The others are `$TURNUP_CONTEXT`,
`$TURNUP_CLUSTER`, `$TURNUP_SUBNET` and `$TURNUP_REGISTRY`; an empty string means not set.

Bazel evaluates the repository again if one of the variables changes, so `TURNUP_CONTEXT=other bazel run …` builds for the
other cluster.
"""

_VARIABLES = {
    "cluster": "TURNUP_CLUSTER",
    "context": "TURNUP_CONTEXT",
    "registry": "TURNUP_REGISTRY",
    "subnet": "TURNUP_SUBNET",
}

_ATTRS = {
    "_python": attr.label(
        doc = "A file with the path of the Python interpreter.",
        default = "@host_python//:path.txt",
        allow_single_file = True,
    ),
    "_tool": attr.label(
        doc = "The program that makes a namespace of a user's name.",
        default = "//rules/k8s/tools/build:user_namespace.py",
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
