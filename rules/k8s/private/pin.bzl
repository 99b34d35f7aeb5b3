"""pin: writes the images that environments run into the checked-in pins files."""

load("@turnup_env//:constants.bzl", "CONTEXT", "REGISTRY")
load("//rules/common:labels.bzl", "label_text")
load("//rules/image:defs.bzl", "ImageInfo", "PUSH_PLAN_ATTRS", "push_files", "write_push_plan")
load(":launching.bzl", "write_launcher")
load(":providers.bzl", "PinInfo")

_DOC = """Pins the images of a service and of everything that it depends on.

Without `build` the target knows the pins files and builds no image. With `build` it
builds the images and can push them."""

_ATTRS = {
    "build": attr.bool(
        doc = "Whether to build the images.",
    ),
    "deps": attr.label_list(
        providers = [PinInfo],
        doc = "The pin targets of the services that this one depends on. Empty: none.",
    ),
    "environments": attr.string_list(
        doc = "Environments with pins.",
    ),
    "image": attr.label(
        providers = [ImageInfo],
        doc = "The service's image. None: no image.",
    ),
    "image_name": attr.string(
        doc = "The image's name in the pins file. Empty without image.",
    ),
    "pins": attr.label(
        allow_single_file = [".yaml"],
        doc = "The pins file. None: the image cannot be pinned.",
    ),
    "push": attr.string(
        doc = "The label of the same service's target with `build`. Empty: this is that target.",
    ),
    "repository": attr.string(
        doc = "The repository of the image, without the registry. Empty without image.",
    ),
    "_launcher": attr.label(
        default = Label("//rules/k8s/tools:launcher.sh.tpl"),
        allow_single_file = True,
        doc = "The launcher's template.",
    ),
    "_pin": attr.label(
        default = Label("//rules/k8s/tools/images:k8s_pin"),
        executable = True,
        cfg = "target",
        doc = "The program that pins.",
    ),
}
_ATTRS.update(PUSH_PLAN_ATTRS)

def _line(entry, build):
    files = {}
    if build:
        files = {"digest": entry.digest.short_path, "push_plan": entry.push_plan.short_path}
    return json.encode(dict(files, label = entry.label, name = entry.name, pins = entry.pins, repository = entry.repository))

def _built_line(entry):
    return _line(entry, True)

def _plain_line(entry):
    return _line(entry, False)

def _own(ctx):
    """Returns the entry of this service's image and its files."""
    if not ctx.attr.image:
        return [], []
    info = ctx.attr.image[ImageInfo]
    label = label_text(ctx.label)
    push_plan = None
    if ctx.attr.build:
        images = [struct(docker = None, image = info, key = None, reference = None)]
        push_plan = write_push_plan(
            ctx,
            label,
            images,
            one_platform = True,
            private_plain = True,
            registry = REGISTRY,
            repository = ctx.attr.repository,
        )
    entry = struct(
        label = label,
        name = ctx.attr.image_name,
        repository = ctx.attr.repository,
        pins = ctx.file.pins.short_path if ctx.file.pins else "",
        digest = info.digest,
        push_plan = push_plan,
    )
    return [entry], [info.digest] + push_files(info) + ([push_plan] if push_plan else [])

def _impl(ctx):
    entries, files = _own(ctx)
    closure = PinInfo(
        entries = depset(entries, transitive = [dep[PinInfo].entries for dep in ctx.attr.deps]),
        files = depset(files, transitive = [dep[PinInfo].files for dep in ctx.attr.deps]),
    )
    plan = ctx.actions.declare_file(ctx.label.name + ".plan.jsonl")
    lines = ctx.actions.args()
    lines.set_param_file_format("multiline")
    lines.add(json.encode(struct(
        context = CONTEXT,
        environments = ctx.attr.environments,
        label = label_text(ctx.label),
        push = ctx.attr.push,
        registry = REGISTRY,
        workspace = ctx.workspace_name,
    )))
    lines.add_all(closure.entries, map_each = _built_line if ctx.attr.build else _plain_line)
    ctx.actions.write(plan, lines)
    runfiles = ctx.runfiles(transitive_files = closure.files) if ctx.attr.build else ctx.runfiles()
    launcher = write_launcher(ctx, ctx.attr._pin, [], plan, runfiles)
    return [
        DefaultInfo(executable = launcher.executable, files = depset([launcher.executable]), runfiles = launcher.runfiles),
        closure,
    ]

pin = rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
    executable = True,
    provides = [PinInfo],
)
