"""k8s_object: the objects of one template, with settings, namespace and image digests filled in."""

load("//rules/image:defs.bzl", "PREBUILT_IMAGE_ATTRS", "image_info")
load(":building.bzl", "BUILD_ATTRS", "build_action", "build_args")
load(":labels.bzl", "label_string")
load(":launching.bzl", "LAUNCHER_ATTRS", "verb_launcher")
load(":providers.bzl", "K8sObjectInfo", "ServiceInfo")

_DOC = "Objects of one template for one cluster and namespace; runnable, prints them as YAML."

_ATTRS = dict(
    dict(BUILD_ATTRS, **LAUNCHER_ATTRS),
    after = attr.string_list(
        doc = "Labels of the k8s_objects that this one depends on, shown while waiting. Empty: none.",
    ),
    cluster = attr.string(
        doc = "Name of the kubeconfig's cluster entry that the context must use. Empty: any. Takes $(VARIABLE) and {STAMP}.",
    ),
    context = attr.string(
        doc = "The only kubeconfig context that the verbs act on. Takes $(VARIABLE) and {STAMP}.",
    ),
    environment = attr.string(
        doc = "Environment that this target belongs to. Empty: none.",
    ),
    image_chroot = attr.string(
        doc = "Prefixed to the names in images to give where they are published. Empty: the names alone. Takes $(VARIABLE).",
    ),
    images = attr.label_keyed_string_dict(
        allow_files = True,
        doc = "Images, or OCI layouts and archives as files, to a JSON list of the references in the template that stand for them. Empty: none.",
    ),
    kind = attr.string(
        doc = "A kind that the template must hold. Empty: any.",
    ),
    kubeconfig = attr.label(
        allow_single_file = True,
        doc = "Kubeconfig to use. None: the user's own.",
    ),
    loader = attr.label(
        executable = True,
        cfg = "target",
        doc = "Program that puts an archive onto the nodes: `--context CTX --name REFERENCE ARCHIVE`. None: preload is empty.",
    ),
    namespace = attr.string(
        doc = "Namespace of the objects that name none. Empty: default. Takes $(VARIABLE) and {STAMP}.",
    ),
    namespace_owner = attr.string(
        doc = "Another environment that has the same namespace, which is an error. Empty: none.",
    ),
    pin_environments = attr.string_list(
        doc = "Environments that may stand in the pins file. Empty: all images are built.",
    ),
    pinned_images = attr.string_dict(
        doc = "References in the template to names in the pins file, for an environment that runs pins. Empty: none.",
    ),
    pins = attr.label(
        allow_single_file = [".yaml"],
        doc = "The pins file. None: nothing is pinned.",
    ),
    preload = attr.label_keyed_string_dict(
        allow_files = True,
        doc = "Images, or OCI layouts and archives as files, to a JSON list of references under which the loader puts them onto the nodes. Empty: none.",
    ),
    service = attr.label(
        providers = [ServiceInfo],
        doc = "The service that these objects are. None: they are no service.",
    ),
    source = attr.label(
        allow_single_file = True,
        doc = "What the template is rendered from, which errors name. None: the template.",
    ),
    stable_names = attr.bool(
        doc = "Keep the names of ConfigMaps and Secrets. False: a hash of their content is put behind them.",
    ),
    substitutions = attr.string_dict(
        doc = "Texts in the template to what replaces them, which takes $(VARIABLE). Empty: none.",
    ),
    template = attr.label(
        mandatory = True,
        allow_files = [".yaml", ".yml", ".json"],
        doc = "Manifests: YAML documents, or JSON: an object, a list, or a mapping of file stems to objects.",
    ),
    user = attr.string(
        doc = "Kubeconfig user that replaces the context's own. Empty: the context's. Takes $(VARIABLE) and {STAMP}.",
    ),
)

_ATTRS.update(PREBUILT_IMAGE_ATTRS)

def _check(ctx, label):
    """Fails if the attributes do not fit together."""
    if ctx.attr.preload and not ctx.attr.loader:
        fail("%s: preload names images, but no loader puts them onto the nodes; set loader, for example //cluster:load_image" % label)
    if not ctx.attr.context:
        fail("%s: context is empty; name the kubeconfig context that this target may write to" % label)

def _expand(ctx, attribute):
    return ctx.expand_make_variables(attribute, getattr(ctx.attr, attribute), {})

def _templates(ctx):
    """Returns the template's files with substitutions made."""
    if not ctx.attr.substitutions:
        return ctx.files.template
    values = {key: ctx.expand_make_variables("substitutions", value, {}) for key, value in ctx.attr.substitutions.items()}
    outputs = []
    for index, file in enumerate(ctx.files.template):
        output = ctx.actions.declare_file("%s.template_%d.%s" % (ctx.label.name, index, file.extension))
        ctx.actions.expand_template(template = file, output = output, substitutions = values)
        outputs.append(output)
    return outputs

def _references(ctx, attribute):
    """Returns {reference: ImageInfo} of an attribute that maps targets to JSON lists."""
    result = {}
    for target, references in getattr(ctx.attr, attribute).items():
        image = image_info(ctx, target, attribute)
        for reference in json.decode(references):
            result[ctx.expand_make_variables(attribute, reference, {})] = image
    return result

def _normalize(ctx, label, images, preloads):
    output = ctx.actions.declare_file(ctx.label.name + ".objects.json")
    args = build_args(ctx, "normalize")
    args.add(label, format = "--label=%s")
    settings = {name: _expand(ctx, name) for name in ("cluster", "context", "namespace", "user")}
    for name, value in settings.items():
        args.add(value, format = "--%s=%%s" % name)
    args.add(ctx.attr.environment, format = "--environment=%s")
    args.add(ctx.attr.namespace_owner, format = "--namespace-owner=%s")
    args.add(ctx.attr.kind, format = "--kind=%s")
    args.add_all(images.keys() + ctx.attr.pinned_images.keys(), format_each = "--image=%s")
    args.add_all(preloads.keys(), format_each = "--preload=%s")
    if ctx.attr.stable_names:
        args.add("--stable-names")
    if ctx.file.source:
        args.add(ctx.file.source, format = "--source=%s")
    status = []
    if [text for text in settings.values() + images.keys() if "{" in text]:
        status = [ctx.info_file, ctx.version_file]
    args.add_all(status, format_each = "--status=%s")
    args.add(output, format = "--output=%s")
    templates = _templates(ctx)
    args.add_all(templates)
    build_action(ctx, args, templates + status, output, "K8sObjects", "Reading objects of %s" % ctx.label)
    return output

def _resolve(ctx, normalized, images):
    output = ctx.actions.declare_file(ctx.label.name + ".resolved.json")
    args = build_args(ctx, "resolve")
    args.add(normalized, format = "--input=%s")
    args.add(output, format = "--output=%s")
    inputs = [normalized]
    chroot = _expand(ctx, "image_chroot")
    for key, image in images.items():
        digest = image.digest
        args.add(json.encode([key, chroot, digest.path]), format = "--built=%s")
        inputs.append(digest)
    for key, name in ctx.attr.pinned_images.items():
        args.add_all(["--pin", key, name])
    if ctx.attr.pinned_images:
        args.add_joined("--environments", ctx.attr.pin_environments, join_with = ",")
    if ctx.file.pins:
        args.add(ctx.file.pins, format = "--pins=%s")
        inputs.append(ctx.file.pins)
    build_action(ctx, args, inputs, output, "K8sResolve", "Resolving images of %s" % ctx.label)
    return output

def _image_parts(image):
    layers = tuple([(layer.blob, layer.descriptor) for layer in image.layers])
    files = [image.manifest, image.config]
    for layer in layers:
        files.extend(layer)
    return struct(config = image.config, files = files, layers = layers, manifest = image.manifest)

def _impl(ctx):
    label = label_string(ctx.label)
    _check(ctx, label)
    images, preloads = _references(ctx, "images"), _references(ctx, "preload")
    normalized = _normalize(ctx, label, images, preloads)
    resolved = _resolve(ctx, normalized, images)
    parts = {key: _image_parts(image) for key, image in images.items()}
    service = ctx.attr.service[ServiceInfo].json if ctx.attr.service else None
    beside = ([service] if service else []) + ([ctx.file.kubeconfig] if ctx.file.kubeconfig else [])
    archives = {key: image.archive for key, image in preloads.items()}
    preload_runfiles = ctx.runfiles(files = archives.values())
    if ctx.attr.loader:
        preload_runfiles = preload_runfiles.merge(ctx.attr.loader[DefaultInfo].default_runfiles)
    closure = K8sObjectInfo(
        checked = None,
        entries = depset([struct(
            label = label,
            service = service,
            deps = tuple(ctx.attr.after),
            normalized = normalized,
            resolved = resolved,
            kubeconfig = ctx.file.kubeconfig,
        )]),
        files = depset([resolved] + beside),
        image_files = depset([file for part in parts.values() for file in part.files]),
        images = depset([
            struct(label = label, key = key, manifest = part.manifest, config = part.config, layers = part.layers)
            for key, part in parts.items()
        ]),
        plain_files = depset([normalized] + beside),
        preload_runfiles = preload_runfiles,
        preloads = depset([
            struct(label = label, reference = key, archive = archive, loader = ctx.executable.loader)
            for key, archive in archives.items()
        ]),
    )
    show = verb_launcher(ctx, closure, "show", label)
    return [
        DefaultInfo(executable = show.executable, files = depset([resolved]), runfiles = show.runfiles),
        closure,
    ]

k8s_object_rule = rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
    executable = True,
    provides = [K8sObjectInfo],
)
