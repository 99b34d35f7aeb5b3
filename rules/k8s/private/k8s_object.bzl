"""k8s_object: the objects of one template, resolved: with settings, namespace and image digests."""

load("@turnup_env//:constants.bzl", "REGISTRY")
load("//rules/common:labels.bzl", "label_text")
load("//rules/common:make_variables.bzl", "expand")
load("//rules/common:stamping.bzl", "status_files")
load("//rules/image:defs.bzl", "PREBUILT_IMAGE_ATTRS", "PUSH_PLAN_ATTRS", "image_info", "push_files", "write_push_plan")
load(":building.bzl", "BUILD_ATTRS", "build_action", "build_args")
load(":launching.bzl", "LAUNCHER_ATTRS", "verb_launcher")
load(":providers.bzl", "K8sObjectInfo", "ServiceInfo")

_DOC = "The objects of one template for one cluster and namespace; `bazel run` prints them as YAML."

_ATTRS = dict(
    dict(BUILD_ATTRS, **LAUNCHER_ATTRS),
    depends_on = attr.string_list(
        doc = "Labels of the k8s_object targets that this one depends on, for `--order=ready` and the progress display. Empty: none.",
    ),
    cluster = attr.string(
        doc = "The cluster entry of the kubeconfig that the context must use. Empty: any.",
    ),
    context = attr.string(
        doc = "The only kubeconfig context that the verbs act on.",
    ),
    environment = attr.string(
        doc = "The environment that this target belongs to. Empty: none.",
    ),
    image_chroot = attr.string(
        doc = "A prefix for the references in `images`; prefix and reference say where to publish an image. Empty: no prefix.",
    ),
    image_lock = attr.label(
        allow_single_file = True,
        doc = "The lock with the digests of images that the template names by tag. None: images by tag are an error, unless `other_images` says otherwise.",
    ),
    image_lock_update = attr.string(
        doc = "The target that writes `image_lock`, for its first line and for errors. Empty: no lock.",
    ),
    images = attr.label_keyed_string_dict(
        allow_files = True,
        doc = "Maps images, or files that are an OCI layout or archive, to a JSON list of their references in the template. Empty: none.",
    ),
    kubeconfig = attr.label(
        allow_single_file = True,
        doc = "The kubeconfig file to use. None: the user's own.",
    ),
    loader = attr.label(
        executable = True,
        cfg = "target",
        doc = "The program that loads an archive onto the nodes: `--context CTX --name REFERENCE ARCHIVE`. None: `preload` is empty.",
    ),
    namespace = attr.string(
        doc = "The namespace of objects that do not name one. Empty: default.",
    ),
    namespace_owner = attr.string(
        doc = "Another environment with the same namespace, which is an error. Empty: none.",
    ),
    other_images = attr.string(
        doc = """What becomes of images by tag that nothing provides: `as-is`, they stay as the template has them. Empty: an error, or `image_lock`.

A tag can change under you: pods of one Deployment may run different images, and a rollback may run another image than before.""",
        values = ["", "as-is"],
    ),
    pin_environments = attr.string_list(
        doc = "Environments that the pins file may contain. Empty: all images are built.",
    ),
    pinned_images = attr.string_dict(
        doc = "Maps references in the template to names in the pins file, for an environment that runs pins. Empty: none.",
    ),
    pins = attr.label(
        allow_single_file = [".yaml"],
        doc = "The pins file. None: no image is pinned.",
    ),
    preload = attr.label_keyed_string_dict(
        allow_files = True,
        doc = "Maps images, or files that are an OCI layout or archive, to a JSON list of references on the nodes. Empty: none.",
    ),
    service = attr.label(
        providers = [ServiceInfo],
        doc = "The service that these objects belong to. None: no service.",
    ),
    source = attr.label(
        allow_single_file = True,
        doc = "The file that the template was rendered from; errors name it. None: the template.",
    ),
    stable_names = attr.bool(
        doc = """Keep the names of ConfigMaps and Secrets. False: append a hash of their content to each name.

Use it for names that others look up: people, operators, and sidecars that select by label.""",
    ),
    substitutions = attr.string_dict(
        doc = "Maps texts in the template to their replacements. Empty: none.",
    ),
    template = attr.label(
        mandatory = True,
        allow_files = [".yaml", ".yml", ".json"],
        doc = "The manifests: YAML documents, or JSON: an object, a list, or a mapping from file stem to object.",
    ),
    user = attr.string(
        doc = "The kubeconfig user that replaces the context's own. Empty: the context's.",
    ),
)

_ATTRS.update(PREBUILT_IMAGE_ATTRS)
_ATTRS.update(PUSH_PLAN_ATTRS)

def _check(ctx, label):
    """Fails if attributes conflict."""
    if ctx.attr.preload and not ctx.attr.loader:
        fail("%s: preload has images, but loader is not set. Set loader to the program that loads them onto the nodes, for example //cluster:load_image." % label)
    if not ctx.attr.context:
        fail("%s: context is empty. Set it to the kubeconfig context that this target may write to." % label)
    if ctx.attr.image_lock and ctx.attr.other_images:
        fail("%s: other_images is %r and image_lock is set. Remove one of them: images by tag stay as they are, or are locked." % (label, ctx.attr.other_images))

def _expand(ctx, attribute):
    return expand(ctx, attribute, getattr(ctx.attr, attribute))

def _substitutions(ctx):
    """Returns the replacements with their Make variables expanded, and the file of the substitutions, as a list."""
    if not ctx.attr.substitutions:
        return [], []
    pairs = [[key, expand(ctx, "substitutions", value)] for key, value in ctx.attr.substitutions.items()]

    # In a file, because Bazel 4 encodes the arguments of a worker twice.
    output = ctx.actions.declare_file(ctx.label.name + ".substitutions.json")
    ctx.actions.write(output, json.encode(pairs))
    return [value for _, value in pairs], [output]

def _references(ctx, attribute):
    """Returns {reference: ImageInfo} of an attribute that maps targets to JSON lists."""
    result = {}
    for target, references in getattr(ctx.attr, attribute).items():
        image = image_info(ctx, target, attribute)
        for reference in json.decode(references):
            expanded = expand(ctx, attribute, reference)
            if expanded in result:
                fail("%s: %s has the reference %r twice. Keep one." % (label_text(ctx.label), attribute, expanded))
            result[expanded] = image
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
    args.add_all(images.keys() + ctx.attr.pinned_images.keys(), format_each = "--image=%s")
    args.add_all(preloads.keys(), format_each = "--preload=%s")
    if ctx.attr.stable_names:
        args.add("--stable-names")
    if ctx.attr.image_lock or ctx.attr.other_images:
        args.add("--by-tag")
    if ctx.file.source:
        args.add(ctx.file.source, format = "--source=%s")
    replacements, substitutions = _substitutions(ctx)
    args.add_all(substitutions, format_each = "--substitutions=%s")
    status = status_files(ctx, settings.values() + images.keys() + replacements)
    args.add_all(status, format_each = "--status=%s")
    args.add_all(ctx.files._schemas, format_each = "--schemas=%s")
    args.add(output, format = "--output=%s")
    args.add_all(ctx.files.template)
    sources = [ctx.file.source] if ctx.file.source else []
    build_action(ctx, args, ctx.files.template + sources + substitutions + status + ctx.files._schemas, output, "K8sObjects", "Reading objects of %s" % ctx.label)
    return output

def _resolve(ctx, normalized, images):
    output = ctx.actions.declare_file(ctx.label.name + ".resolved.json")
    args = build_args(ctx, "resolve")
    args.add(normalized, format = "--input=%s")
    args.add(output, format = "--output=%s")
    args.add(REGISTRY, format = "--registry=%s")
    chroot = _expand(ctx, "image_chroot")
    status = status_files(ctx, [chroot]) if images else []
    args.add_all(status, format_each = "--status=%s")
    inputs = [normalized] + status
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
    if ctx.file.image_lock:
        args.add(ctx.file.image_lock, format = "--lock=%s")
        args.add(ctx.attr.image_lock_update, format = "--lock-update=%s")
        inputs.append(ctx.file.image_lock)
    build_action(ctx, args, inputs, output, "K8sResolve", "Resolving images of %s" % ctx.label)
    return output

def _push_plans(ctx, label, resolved, images):
    """Returns the entries of K8sObjectInfo.push_plans: one for all images that this target builds, none without images."""
    if not images:
        return []
    plan = write_push_plan(
        ctx,
        label,
        [struct(docker = None, image = image, key = key, reference = None) for key, image in images.items()],
        inputs = [resolved],
        one_platform = True,
        private_plain = True,
        references = resolved.path,
        registry = REGISTRY,
    )
    return [struct(keys = tuple(images.keys()), label = label, plan = plan)]

def _impl(ctx):
    label = label_text(ctx.label)
    _check(ctx, label)
    images, preloads = _references(ctx, "images"), _references(ctx, "preload")
    normalized = _normalize(ctx, label, images, preloads)
    resolved = _resolve(ctx, normalized, images)
    push_plans = _push_plans(ctx, label, resolved, images)
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
            deps = tuple(ctx.attr.depends_on),
            normalized = normalized,
            resolved = resolved,
            kubeconfig = ctx.file.kubeconfig,
        )]),
        files = depset([resolved] + beside),
        image_files = depset([file for image in images.values() for file in push_files(image)] + [entry.plan for entry in push_plans]),
        overrides = None,
        plain_files = depset([normalized] + beside),
        preload_runfiles = preload_runfiles,
        preloads = depset([
            struct(label = label, reference = key, archive = archive, loader = ctx.executable.loader)
            for key, archive in archives.items()
        ]),
        push_plans = depset(push_plans),
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
