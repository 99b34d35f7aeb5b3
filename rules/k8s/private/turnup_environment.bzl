"""turnup_environment: the constants of the repository, and the user and the cluster of the present shell."""

load("//rules/common:labels.bzl", "full_label")

_DOC = """Writes `constants.bzl` with the repository's constants, and `env.bzl` with SETTINGS, the user and the cluster of the present shell.

`constants.bzl` has the names of the file in `constants` (CLUSTER_NAME, CONTEXT, DEVELOPER_ENV, ENVS, MACHINE_SHARE, NAMESPACES,
NODES, PROVIDER, REGISTRY, REGISTRY_PORT and SUBNET), and NODE_1 and MYNS, which follow from them. The file must assign ENVS; each
other name has a default. Constants are overridden by SETTINGS.

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
    "constants": attr.label(
        doc = "The file with the repository's constants.",
        default = "@//:cluster_constants.bzl",
        allow_single_file = True,
    ),
    "turnup": attr.string(
        doc = "The name of Turnup's repository. Empty: the main repository.",
    ),
    "_cluster_constants": attr.label(
        doc = "The program that reads which constants a file has.",
        default = Label("//rules/common:cluster_constants.py"),
        allow_single_file = True,
    ),
    "_python": attr.label(
        doc = "A file with the path of the Python interpreter.",
        default = Label("@host_python//:path.txt"),
        allow_single_file = True,
    ),
    "_tool": attr.label(
        doc = "The program that makes a namespace of a user's name.",
        default = Label("//rules/k8s/tools/build:user_namespace.py"),
        allow_single_file = True,
    ),
}

_CONSTANTS = '''"""The constants of the repository, with those that {place} leaves out."""

load("{derived}", "constants_error", "derived_constants")
load("{constants}", {loads})
load(":env.bzl", "SETTINGS")

_VALUES = {{{values}}}
_ERROR = constants_error(_VALUES)

def _fail():
    fail("{place}: " + _ERROR)

_fail() if _ERROR else None
_ALL = derived_constants(_VALUES, {defaults}, SETTINGS)

{exports}
'''

def _run(repository_ctx, tool, *arguments):
    """Runs a Python program and returns what it prints."""
    attr = repository_ctx.attr
    result = repository_ctx.execute([repository_ctx.read(attr._python), "-I", "-S", repository_ctx.path(tool)] + list(arguments))
    if result.return_code != 0:
        fail(result.stderr.strip())
    return result.stdout

def _impl(repository_ctx):
    attr = repository_ctx.attr
    user, namespace = _run(repository_ctx, attr._tool).splitlines()[:2]
    values = {key: repository_ctx.os.environ.get(name, "") for key, name in _VARIABLES.items()}
    values.update(namespace = namespace, user = user)
    repository_ctx.file("BUILD", 'exports_files(["constants.bzl", "env.bzl"])\n')
    fields = "".join(["    %s = %s,\n" % (key, repr(values[key])) for key in sorted(values)])
    repository_ctx.file("env.bzl", '"""Values of this shell."""\n\nSETTINGS = struct(\n%s)\n' % fields)
    place = attr.constants.package + "/" + attr.constants.name if attr.constants.package else attr.constants.name
    found = json.decode(_run(repository_ctx, attr._cluster_constants, repository_ctx.path(attr.constants), place))
    names = found["names"]
    repository_ctx.file("constants.bzl", _CONSTANTS.format(
        constants = full_label(attr.constants),
        defaults = repr({name: value for name, value in found["defaults"].items() if name not in names}),
        derived = full_label(Label("//rules/k8s/private:cluster_constants.bzl")),
        exports = "\n".join(["%s = _ALL[%r]" % (name, name) for name in sorted(found["all"])]),
        loads = ", ".join(["_%s = %r" % (name, name) for name in names]),
        place = place,
        values = ", ".join(["%r: _%s" % (name, name) for name in names]),
    ))

turnup_environment = repository_rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
    environ = ["USER"] + sorted(_VARIABLES.values()),
    local = True,
)
