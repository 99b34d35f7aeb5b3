"""k8s_defaults: a repository with a macro that is k8s_object with defaults."""

load("//rules/common:labels.bzl", "apparent_name", "full_label")

_DOC = """Writes `@NAME//:defaults.bzl` with a macro NAME, which is k8s_object with the given defaults.

```
k8s_defaults(
    name = "k8s_deploy",
    cluster = "local",
    kind = "deployment",
)
```

A BUILD file then has `load("@k8s_deploy//:defaults.bzl", "k8s_deploy")`. The name may be k8s_object."""

_FIELDS = {
    "cluster": "The default of `cluster`. Empty: the default of k8s_object.",
    "context": "The default of `context`. Empty: the default of k8s_object.",
    "image_chroot": "The default of `image_chroot`. Empty: the default of k8s_object.",
    "kind": "The kind of the objects; no effect, as in k8s_object.",
    "namespace": "The default of `namespace`. Empty: the default of k8s_object.",
    "other_images": "The default of `other_images`. Empty: the default of k8s_object.",
    "user": "The default of `user`. Empty: the default of k8s_object.",
}

_TEMPLATE = '''"""k8s_object with the defaults of @{name}."""

load("{rules}", _k8s_object = "k8s_object")

_DEFAULTS = {defaults}

def {name}(name, **kwargs):
    """k8s_object with defaults.

    Args:
      name: the target's name.
      **kwargs: attributes of k8s_object.
    """
    _k8s_object(name = name, **dict(_DEFAULTS, **kwargs))
'''

# Names of functions in a .bzl file: no dashes or dots, and none of these.
_KEYWORDS = [
    "and",
    "as",
    "assert",
    "break",
    "class",
    "continue",
    "def",
    "del",
    "elif",
    "else",
    "except",
    "finally",
    "for",
    "from",
    "global",
    "if",
    "import",
    "in",
    "is",
    "lambda",
    "load",
    "nonlocal",
    "not",
    "or",
    "pass",
    "raise",
    "return",
    "try",
    "while",
    "with",
    "yield",
]
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"

def macro_error(name):
    """Checks that a macro can have the name of the repository.

    Args:
      name: string, the repository's name.

    Returns:
      what is wrong and what to do about it, or None.
    """
    if name in _KEYWORDS or [c for c in name.elems() if c not in _LETTERS]:
        return "k8s_defaults %s: a macro cannot have this name. Use letters, digits and underscores, and no keyword of Starlark." % name
    return None

def _impl(repository_ctx):
    name = apparent_name(repository_ctx.name)
    error = macro_error(name)
    if error:
        fail(error)
    defaults = {field: getattr(repository_ctx.attr, field) for field in _FIELDS if getattr(repository_ctx.attr, field)}
    repository_ctx.file("BUILD", "exports_files([\"defaults.bzl\"])\n")
    repository_ctx.file("defaults.bzl", _TEMPLATE.format(defaults = repr(defaults), name = name, rules = full_label(Label("//rules/k8s:defs.bzl"))))

k8s_defaults = repository_rule(
    implementation = _impl,
    doc = _DOC,
    attrs = {field: attr.string(doc = doc) for field, doc in _FIELDS.items()},
)
