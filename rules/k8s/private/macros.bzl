"""The public macros k8s_object and k8s_objects: a rule and a runnable target for each verb."""

load("//:cluster_constants.bzl", "CONTEXT")
load(":k8s_object.bzl", "k8s_object_rule")
load(":k8s_objects.bzl", "k8s_objects_rule")
load(":k8s_verb.bzl", "k8s_verb")
load(":launching.bzl", "VERBS")

def _verbs(name, args, tags, visibility, testonly):
    """Declares NAME.VERB for every verb; nobody builds one without naming it."""
    for verb in VERBS:
        k8s_verb(
            name = "%s.%s" % (name, verb),
            args = args,
            object = ":" + name,
            tags = tags if "manual" in tags else tags + ["manual"],
            testonly = testonly,
            verb = verb,
            visibility = visibility,
        )

def references_by_target(references):
    """Turns {reference: target} into what label_keyed_string_dict takes.

    Args:
      references: dict of references to labels.

    Returns:
      dict of labels to JSON lists of references.
    """
    targets = {}
    for reference, target in references.items():
        targets.setdefault(target, []).append(reference)
    return {target: json.encode(listed) for target, listed in targets.items()}

def object_error(template, resolver, resolver_args, images, preload):
    """Checks the arguments of k8s_object that never reach its rule.

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
        return "resolver and resolver_args are not supported: images are resolved at build time; name them in images"
    if template == None:
        return "template is missing; name the manifest file or the target that makes it"
    for attribute, value in {"images": images, "preload": preload}.items():
        if type(value) != "dict":
            return "%s is a %s; write a dict of references to image targets" % (attribute, type(value))
    return None

def k8s_object(
        name,
        template = None,
        kind = "",
        cluster = "",
        context = CONTEXT,
        namespace = "",
        user = "",
        kubeconfig = None,
        substitutions = {},
        images = {},
        image_chroot = "",
        resolver = None,
        resolver_args = None,
        args = [],
        preload = {},
        loader = None,
        tags = [],
        visibility = None,
        testonly = False,
        **kwargs):
    """The objects of one template; NAME prints them, NAME.VERB acts on them.

    Args:
      name: the target's name.
      template: manifest file or target: YAML documents or JSON.
      kind: a kind that the template must hold; "" for any.
      cluster: name of the kubeconfig's cluster entry that the context must use; "" for any.
      context: the only kubeconfig context that the verbs act on.
      namespace: namespace of the objects that name none; "" for default.
      user: kubeconfig user that replaces the context's own; "" keeps it.
      kubeconfig: kubeconfig file to use; None for the user's own.
      substitutions: dict of texts in the template to their replacements.
      images: dict of references in the template to the image targets that provide them.
      image_chroot: prefixed to the references in images to give where images are published.
      resolver: refused; images are resolved at build time.
      resolver_args: refused, as resolver.
      args: arguments that every verb gets before those of the command line.
      preload: dict of references to image targets that are put onto the nodes before an apply.
      loader: program that puts them there; needed with preload.
      tags: of all targets made.
      visibility: of all targets made.
      testonly: of all targets made.
      **kwargs: attributes of the rule beyond rules_k8s (see rules/k8s/README.md).
    """
    error = object_error(template, resolver, resolver_args, images, preload)
    if error:
        fail("k8s_object %s: %s" % (name, error))
    k8s_object_rule(
        name = name,
        args = args,
        cluster = cluster,
        context = context,
        image_chroot = image_chroot,
        images = references_by_target(images),
        kind = kind,
        kubeconfig = kubeconfig,
        loader = loader,
        namespace = namespace,
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
    """Several targets as one; each object is acted on once, however many paths lead to it.

    Args:
      name: the target's name.
      objects: list of k8s_object and k8s_objects targets, or a dict of conditions to such lists that becomes a select.
      args: arguments that every verb gets before those of the command line.
      tags: of all targets made.
      visibility: of all targets made.
      testonly: of all targets made.
    """
    if type(objects) == "dict":
        objects = select(objects)
    k8s_objects_rule(
        name = name,
        args = args,
        objects = objects,
        tags = tags,
        testonly = testonly,
        visibility = visibility,
    )
    _verbs(name, args, tags, visibility, testonly)
