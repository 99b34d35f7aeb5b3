"""The public macros k8s_object and k8s_objects: a rule, and a runnable target for each verb."""

load("@turnup_env//:constants.bzl", "CONTEXT")
load(":k8s_object.bzl", "k8s_object_rule")
load(":k8s_objects.bzl", "k8s_objects_rule")
load(":k8s_verb.bzl", "k8s_verb")
load(":launching.bzl", "VERBS")
load(":update_images.bzl", "update_images")

_DEBUG_IMAGE = Label("//rules/k8s/debug:push")

# The verbs that get `args`: the actions of rules_k8s. The others take other options.
_WITH_ARGS = ["apply", "create", "delete", "describe", "diff", "replace"]

def _verbs(name, args, tags, visibility, testonly):
    """Declares NAME.VERB for every verb, and NAME.resolve, which is rules_k8s's name of NAME.show, as manual targets."""
    for target, verb in [(verb, verb) for verb in VERBS] + [("resolve", "show")]:
        k8s_verb(
            name = "%s.%s" % (name, target),
            args = args if verb in _WITH_ARGS else [],
            # Only this verb starts debug containers; the others must not fetch the packages of their image.
            debug_image = _DEBUG_IMAGE if verb == "exec" else None,
            object = ":" + name,
            tags = tags if "manual" in tags else tags + ["manual"],
            testonly = testonly,
            verb = verb,
            visibility = visibility,
        )

def references_by_target(references):
    """Turns {reference: target} into the form of label_keyed_string_dict.

    Args:
      references: dict from reference to label.

    Returns:
      dict from label to JSON list of references.
    """
    targets = {}
    for reference, target in references.items():
        targets.setdefault(target, []).append(reference)
    return {target: json.encode(listed) for target, listed in targets.items()}

def object_error(template, resolver, resolver_args, images, preload):
    """Checks the arguments of k8s_object that do not reach its rule.

    Args:
      template: as in k8s_object.
      resolver: as in k8s_object.
      resolver_args: as in k8s_object.
      images: as in k8s_object.
      preload: as in k8s_object.

    Returns:
      what is wrong and what to do about it, or None.
    """
    if resolver != None or resolver_args != None:
        return "resolver and resolver_args are not supported, because images are resolved at build time. Add the images to images, or lock their tags with image_lock."
    if template == None:
        return "template is missing. Set it to the manifest file, or to the target that makes it."
    for attribute, value in {"images": images, "preload": preload}.items():
        if type(value) != "dict":
            also = ", or \"as-is\"" if attribute == "images" else ""
            return "%s is a %s. Use a dict from reference to image target%s." % (attribute, type(value), also)
    return None

def k8s_object(
        name,
        template = None,
        kind = "",  # buildifier: disable=unused-variable
        cluster = "",
        context = CONTEXT,
        namespace = "",
        user = "",
        kubeconfig = None,
        substitutions = {},
        images = {},
        image_chroot = "",
        image_lock = None,
        other_images = "",
        resolver = None,
        resolver_args = None,
        args = [],
        preload = {},
        loader = None,
        tags = [],
        visibility = None,
        testonly = False,
        **kwargs):
    """Makes the objects of one template a target: NAME prints them, NAME.VERB acts on them.

    ```
    k8s_object(
        name = "registry",
        template = "registry.yaml",
        namespace = "registry",
        images = {"example/registry:2": ":image"},
        image_chroot = "registry.example/team",
    )
    ```

    `cluster`, `context`, `namespace`, `user`, `image_chroot`, the references in `images` and the replacements in `substitutions` take
    Make variables, `$(NAME)` with `--define=NAME=VALUE`, and stamp variables, `{KEY}`, from Bazel's workspace status, with and
    without `--stamp`. KEY has capital letters, digits and underscores. The references in `preload` take Make variables. Bazel builds
    a target again when the value of `STABLE_…`, BUILD_USER, BUILD_HOST or BUILD_EMBED_LABEL changes, but not for other variables.

    Args:
      name: the target's name.
      template: the manifests, required: YAML documents, or JSON: an object, a list, or a mapping from file stem to object.
      kind (string): the kind of the objects; no effect, because `.describe` shows every object. Accepted for BUILD files that set it.
      cluster: the cluster entry of the kubeconfig that the context must use. Empty: any.
      context: the only kubeconfig context that the verbs act on. The default is CONTEXT of cluster_constants.bzl.
      namespace: the namespace of objects that do not name one. Empty: default.

        An object that names another namespace fails the build.
      user: the kubeconfig user that replaces the context's own. Empty: the context's.
      kubeconfig: the kubeconfig file to use. None: the user's own.
      substitutions: maps texts in the template to their replacements. Empty: none.
      images (dict from string to label): maps references in the template to images. Empty: none.

        An image is an image target, or files that are an OCI layout or archive. The image's digest replaces the reference in
        containers and volumes. A reference with a tag is replaced in every other field, too, that has nothing else. A reference
        with stamp variables stands for that very text in the template, and for the text with their values.

        `"as-is"` is an empty dict with `other_images = "as-is"`.
      image_chroot: a prefix for the references in `images`; prefix and reference say where to publish an image. Empty: no prefix.

        A reference that is below image_chroot already gets no prefix. A name without a registry is published in REGISTRY of
        cluster_constants.bzl. Without image_chroot, a reference that names another registry fails the build, unless that
        registry has a private address: manifests of third parties name their vendors' registries.
      image_lock (label): a checked-in file with the digests of images by tag. None: images by tag that nothing provides fail the build.

        `bazel run NAME.update_images` writes it; an empty file is enough as the first lock. Each target has a lock of its own.
      other_images: `as-is` leaves images by tag that nothing provides as they are. Empty: they fail the build, or `image_lock` has them.

        A tag can change under you; a lock cannot.
      resolver (label): not supported, because images are resolved at build time; see `image_lock`.
      resolver_args (list of strings): not supported, as `resolver`.
      args (list of strings): arguments that `bazel run` passes to .apply, .create, .delete, .describe, .diff and .replace before
        those of the command line. Empty: none.

        The script that `bazel run` starts does not contain them, and a k8s_objects that contains the object does not use them.
      preload (dict from string to label): maps references to images that the loader puts onto the nodes before an apply. Empty: none.
      loader: the program that loads an archive onto the nodes; needed with `preload`.

        It is called with `--context CTX --name REFERENCE ARCHIVE`.
      tags (list of strings): tags of all targets that the macro makes.
      visibility (list of labels): visibility of all targets that the macro makes.
      testonly (bool): testonly of all targets that the macro makes.
      **kwargs: attributes of the rule that rules_k8s does not have.
    """
    if images == "as-is":
        images, other_images = {}, "as-is"
    error = object_error(template, resolver, resolver_args, images, preload)
    if error:
        fail("k8s_object %s: %s" % (name, error))
    update = kwargs.pop("image_lock_update", "")
    if image_lock and not update:
        update = update_images(name + ".update_images", image_lock, [":" + name], tags, visibility, testonly)
    k8s_object_rule(
        name = name,
        cluster = cluster,
        context = context,
        image_chroot = image_chroot,
        image_lock = image_lock,
        image_lock_update = update,
        images = references_by_target(images),
        kubeconfig = kubeconfig,
        loader = loader,
        namespace = namespace,
        other_images = other_images,
        preload = references_by_target(preload),
        substitutions = substitutions,
        tags = tags,
        template = template,
        testonly = testonly,
        user = user,
        visibility = visibility,
        **kwargs
    )
    _verbs(name, args, tags, visibility, testonly)

def k8s_objects(name, objects, args = [], tags = [], visibility = None, testonly = False):
    """Combines several targets into one closure: NAME prints its objects, NAME.VERB acts on them.

    ```
    k8s_objects(
        name = "setup",
        objects = [":namespaces", ":registry"],
    )
    ```

    The closure contains each object once, regardless of how many paths lead to it.

    Args:
      name: the target's name.
      objects: k8s_object and k8s_objects targets, or a dict from condition to such a list, which becomes a select.
      args (list of strings): arguments for verbs, as in k8s_object. Empty: none.
      tags (list of strings): tags of all targets that the macro makes.
      visibility (list of labels): visibility of all targets that the macro makes.
      testonly (bool): testonly of all targets that the macro makes.
    """
    if type(objects) == "dict":
        objects = select(objects)
    k8s_objects_rule(
        name = name,
        objects = objects,
        tags = tags,
        testonly = testonly,
        visibility = visibility,
    )
    _verbs(name, args, tags, visibility, testonly)
