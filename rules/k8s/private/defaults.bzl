"""k8s_defaults: a repository whose macro is k8s_object with some attributes given."""

_DOC = """Writes `@NAME//:defaults.bzl` with a macro NAME: k8s_object with the attributes below as defaults.

In WORKSPACE: `k8s_defaults(name = "k8s_deploy", kind = "deployment", cluster = "…")`; in a BUILD file:
`load("@k8s_deploy//:defaults.bzl", "k8s_deploy")`."""

_FIELDS = {
    "cluster": "Default of k8s_object's cluster. Empty: none.",
    "context": "Default of k8s_object's context. Empty: none.",
    "image_chroot": "Default of k8s_object's image_chroot. Empty: none.",
    "kind": "Default of k8s_object's kind. Empty: none.",
    "namespace": "Default of k8s_object's namespace. Empty: none.",
    "user": "Default of k8s_object's user. Empty: none.",
}

_TEMPLATE = '''"""k8s_object with the defaults of @{name}."""

load("@{workspace}//rules/k8s:defs.bzl", "k8s_object")

_DEFAULTS = {defaults}

def {name}(name, **kwargs):
    """k8s_object with defaults.

    Args:
      name: the target's name.
      **kwargs: attributes of k8s_object.
    """
    k8s_object(name = name, **dict(_DEFAULTS, **kwargs))
'''

def _impl(repository_ctx):
    name = repository_ctx.name
    defaults = {field: getattr(repository_ctx.attr, field) for field in _FIELDS if getattr(repository_ctx.attr, field)}
    repository_ctx.file("BUILD", "exports_files([\"defaults.bzl\"])\n")
    repository_ctx.file("defaults.bzl", _TEMPLATE.format(defaults = repr(defaults), name = name, workspace = "turnup"))

k8s_defaults = repository_rule(
    implementation = _impl,
    doc = _DOC,
    attrs = {field: attr.string(doc = doc) for field, doc in _FIELDS.items()},
)
