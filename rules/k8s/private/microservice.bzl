"""microservice: the targets of one service in every environment."""

load("@turnup_env//:constants.bzl", "CONTEXT", "DEVELOPER_ENV", "ENVS", "NAMESPACES", "REGISTRY")
load("//rules/jsonnet:defs.bzl", "jsonnet_to_json")
load(":labels.bzl", "deps_error", "split_dep")
load(":macros.bzl", "k8s_object", "k8s_objects")
load(":pin.bzl", "pin")
load(":service.bzl", "service")
load(":update_images.bzl", "update_images")

def _namespace_owner(env):
    """Returns the other environment with the namespace of env, or an empty string."""
    others = [other for other in ENVS if other != env and NAMESPACES[other] == NAMESPACES[env]]
    return others[0] if env == DEVELOPER_ENV and others else ""

def _dependencies(name, deps):
    """Checks deps and returns their split labels."""
    error = deps_error(deps)
    if error:
        fail("microservice %s: %s" % (name, error))
    return [split_dep(dep) for dep in deps]

def _json_path(dep):
    """Returns the path from which Jsonnet imports a dependency's service.json."""
    repository, _, package = dep.package.partition("//")
    if repository and hasattr(native, "package_relative_label"):
        # Bazel 6 and newer: the folder has the repository's canonical name.
        folder = native.package_relative_label(dep.package + ":service").workspace_root + "/"
    else:
        folder = "external/%s/" % repository.lstrip("@") if repository.lstrip("@") else ""
    return folder + (package + "/" if package else "") + "service.json"

def _arguments(env, package, dependencies, images):
    """Returns the arguments of the manifests' top-level function as Jsonnet code."""
    hosts = [
        "%s: (import %s) + {host: self.name + %s}" % (
            json.encode(dep.name),
            json.encode(_json_path(dep)),
            json.encode(".%s.svc" % NAMESPACES[env]),
        )
        for dep in dependencies
    ]
    return {
        "deps": "{%s}" % ", ".join(hosts),
        "env": json.encode({"name": env, "namespace": NAMESPACES[env]}),
        "images": json.encode(images),
        "service": "import %s" % json.encode((package + "/" if package else "") + "service.json"),
    }

def microservice(
        name,
        service,
        manifests,
        image = None,
        deps = [],
        pins = None,
        image_lock = None,
        libraries = [],
        data = [],
        tags = [],
        visibility = ["//visibility:public"]):
    """Makes the targets of one service: NAME, `service`, `pin`, and ENV and ENV-deep with every verb for each environment.

    ```
    microservice(
        name = "server",
        service = "service.yaml",
        image = ":image",
        manifests = "server.jsonnet",
        deps = ["//python/redis"],
        pins = "pins.yaml",
    )
    ```

    Use it once per package. The environments are ENVS of cluster_constants.bzl.

    Args:
      name: the service's name in labels, and its image's name in `images` and pins.
      service (label): service.yaml: `name` (a DNS label), `port`, and optional `ports: {name: number}`.

        Any other field fails the build.
      manifests (label): a Jsonnet file with `function(env, service, deps, images)`.

        It returns `{file stem: Kubernetes object}`. `env` is `{name, namespace}`. `service` is service.yaml. `deps` is
        `{target name: its service.yaml + {host: 'NAME.NAMESPACE.svc'}}` with the direct dependencies only. `images` is
        `{name: reference}`.
      image (label): the image that the manifests run as `images[name]`. None: the service has no image of its own.
      deps (list of strings): absolute labels of the services that this one depends on. Empty: none.
      pins (label): the pins file. An environment without a pin builds, but does not apply. None: no pins.
      image_lock (label): a checked-in file with the digests of images that the manifests name by tag. None: such an image fails the build.

        `bazel run //PACKAGE:update_images` writes it, for all environments; an empty file is enough as the first lock.
      libraries (list of labels): jsonnet_library targets that the manifests import. Empty: none.
      data (list of labels): other files that the manifests import. Empty: none.
      tags (list of strings): tags of all targets that the macro makes.
      visibility (list of labels): visibility of the targets that other packages and people use.
    """
    package = native.package_name()
    dependencies = _dependencies(name, deps)
    pinned = [env for env in ENVS if env != DEVELOPER_ENV]
    images = {name: package or name} if image else {}
    _service(name, service, tags, visibility)
    update = update_images("update_images", image_lock, [":" + env for env in ENVS], tags, visibility) if image_lock else ""
    for env in ENVS:
        jsonnet_to_json(
            name = env + "_manifests",
            src = manifests,
            outs = [env + ".manifests.json"],
            advice = {"deps": "add the label of the service whose target is named {field} to deps of //%s:%s in {build_file}" % (package, name)},
            data = [":service"] + deps + data,
            tags = tags + ["manual"],
            tla_code = _arguments(env, package, dependencies, images),
            # Private, except for the test of what rendering reads.
            visibility = [str(Label("//rules/k8s/tests:__pkg__"))],
            deps = libraries,
        )
        built = env == DEVELOPER_ENV
        k8s_object(
            name = env,
            depends_on = [dep.package + ":" + env for dep in dependencies],
            context = CONTEXT,
            environment = env,
            image_chroot = REGISTRY,
            image_lock = image_lock,
            image_lock_update = update,
            images = {reference: image for reference in images.values()} if built else {},
            namespace = NAMESPACES[env],
            namespace_owner = _namespace_owner(env),
            pin_environments = pinned,
            pinned_images = {} if built else {reference: key for key, reference in images.items()},
            pins = pins if images and not built else None,
            service = ":service",
            source = manifests,
            tags = tags,
            template = ":%s_manifests" % env,
            visibility = visibility,
        )
        k8s_objects(
            name = env + "-deep",
            objects = [dep.package + ":%s-deep" % env for dep in dependencies] + [":" + env],
            tags = tags,
            visibility = visibility,
        )
    _pins(name, image, images, pins, dependencies, pinned, tags, visibility)

def _service(name, src, tags, visibility):
    """Declares `service`, and NAME, which dependents use."""
    service(
        name = "service",
        src = src,
        out = "service.json",
        tags = tags,
        visibility = visibility,
    )
    if name != "service":
        native.alias(
            name = name,
            actual = ":service",
            tags = tags,
            visibility = visibility,
        )

def _pins(name, image, images, pins, dependencies, environments, tags, visibility):
    """Declares `pin`, which builds nothing, and `pin.push`, which it starts if it must build images."""
    for build in (False, True):
        pin(
            name = "pin.push" if build else "pin",
            build = build,
            environments = environments,
            image = image,
            image_name = name if image else "",
            pins = pins if image else None,
            push = "" if build else "//%s:pin.push" % native.package_name(),
            repository = images.get(name, ""),
            tags = tags + ["manual"],
            visibility = visibility,
            deps = [dep.package + (":pin.push" if build else ":pin") for dep in dependencies],
        )
