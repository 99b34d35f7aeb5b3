"""container_push: `bazel run` sends an image to a registry."""

load("//rules/image/private:providers.bzl", "ImageInfo")

_DOC = """`bazel run TARGET` pushes the image, and prints where it is: REGISTRY/REPOSITORY@DIGEST.

What the registry has is not sent. `bazel run TARGET -- --tag v2 --registry HOST:PORT` overrides attributes.

```
container_push(
    name = "push",
    image = ":image",
    registry = "registry.example.com",
    repository = "shop/server",
    tag = "latest",
)
```
"""

_ATTRS = {
    "format": attr.string(
        doc = "The manifest's format; only OCI, which every registry since 2.7 takes.",
        default = "OCI",
    ),
    "image": attr.label(
        doc = "The image.",
        mandatory = True,
        providers = [ImageInfo],
    ),
    "insecure_repository": attr.bool(
        doc = "Speak plain HTTP. Loopback registries are spoken to so without being asked.",
    ),
    "registry": attr.string(
        doc = "HOST or HOST:PORT.",
        mandatory = True,
    ),
    "repository": attr.string(
        doc = "The repository in the registry. Empty: read from repository_file.",
    ),
    "repository_file": attr.label(
        doc = "A file whose first line is the repository. None: repository says it.",
        allow_single_file = True,
    ),
    "skip_unchanged_digest": attr.bool(
        doc = "Accepted for BUILD files that set it: an unchanged digest is never sent again.",
    ),
    "tag": attr.string(
        doc = "A name for the pushed manifest. Empty: only its digest names it, unless tag_file is given.",
    ),
    "tag_file": attr.label(
        doc = "A file whose first line is the tag. None: tag says it.",
        allow_single_file = True,
    ),
    "_launcher": attr.label(
        doc = "The start script's template.",
        default = "//rules/image/tools:run_push.sh.tpl",
        allow_single_file = True,
    ),
    "_push_tool": attr.label(
        doc = "The program that pushes.",
        default = "//rules/image/tools:push_tool",
        executable = True,
        cfg = "target",
    ),
}

def _runfiles_path(ctx, file):
    return file.short_path[len("../"):] if file.short_path.startswith("../") else ctx.workspace_name + "/" + file.short_path

def _impl(ctx):
    if ctx.attr.format.upper() != "OCI":
        fail("format: found '%s': write OCI, or leave it out; the image's digest is that of its OCI manifest" % ctx.attr.format)
    if bool(ctx.attr.repository) == bool(ctx.attr.repository_file):
        fail("repository: give either repository or repository_file")
    if ctx.attr.tag and ctx.attr.tag_file:
        fail("tag: give either tag or tag_file")
    if "/" in ctx.attr.registry:
        fail("registry: found '%s': write HOST or HOST:PORT, and the path in repository" % ctx.attr.registry)
    if "@" in ctx.attr.repository or ":" in ctx.attr.repository:
        fail("repository: found '%s': write it without tag and digest; tag has its own attribute" % ctx.attr.repository)
    image = ctx.attr.image[ImageInfo]
    plan = ctx.actions.declare_file(ctx.label.name + ".push.json")
    ctx.actions.write(plan, json.encode(struct(
        config = _runfiles_path(ctx, image.config),
        insecure = True if ctx.attr.insecure_repository else None,
        layers = [[_runfiles_path(ctx, layer.blob), _runfiles_path(ctx, layer.descriptor)] for layer in image.layers],
        manifest = _runfiles_path(ctx, image.manifest),
        registry = ctx.attr.registry,
        repository = ctx.attr.repository or None,
        repository_file = _runfiles_path(ctx, ctx.file.repository_file) if ctx.file.repository_file else None,
        tag = ctx.attr.tag or None,
        tag_file = _runfiles_path(ctx, ctx.file.tag_file) if ctx.file.tag_file else None,
    )))
    executable = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.expand_template(
        template = ctx.file._launcher,
        output = executable,
        is_executable = True,
        substitutions = {
            "%{plan}": ctx.workspace_name + "/" + plan.short_path,
            "%{tool}": _runfiles_path(ctx, ctx.executable._push_tool),
        },
    )
    files = [plan, image.manifest, image.config] + [f for layer in image.layers for f in (layer.blob, layer.descriptor)]
    files += [f for f in (ctx.file.repository_file, ctx.file.tag_file) if f]
    runfiles = ctx.runfiles(files = files).merge(ctx.attr._push_tool[DefaultInfo].default_runfiles)
    return [DefaultInfo(executable = executable, files = depset([executable]), runfiles = runfiles)]

container_push = rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
    executable = True,
)
