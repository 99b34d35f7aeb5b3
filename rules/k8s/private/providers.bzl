"""What the targets of rules/k8s tell one another."""

K8sObjectInfo = provider(
    doc = "The closure of a k8s_object or k8s_objects: each object and image once, however many paths lead to it.",
    fields = {
        "checked": "File written once the closure was checked as a whole: JSON {label, objects, services, names}; None for a single k8s_object.",
        "entries": "depset, dependencies first, of struct(label: string, service: service.json File or None, deps: tuple of labels " +
                   "of targets it depends on directly, normalized: File, resolved: File, kubeconfig: File or None).",
        "files": "depset of Files that entries refer to with image digests filled in (and service.json files).",
        "image_files": "depset of Files that images refer to.",
        "images": "depset of struct(label: string, key: string, manifest: File, config: File, layers: tuple of (blob, descriptor)).",
        "plain_files": "depset of Files that entries refer to without images, for verbs that must not build any.",
        "preload_runfiles": "runfiles of the loaders and archives in preloads.",
        "preloads": "depset of struct(label: string, reference: string, archive: File, loader: File).",
    },
)

ServiceInfo = provider(
    doc = "A service's name and ports, as dependents read them.",
    fields = {
        "json": "File: service.yaml, checked, as JSON {name, port, ports?}.",
    },
)

PinInfo = provider(
    doc = "The images that a service and everything it depends on run.",
    fields = {
        "entries": "depset of struct(label: string, name: key in the pins file, repository: string, pins: the pins file's path from " +
                   "the workspace root, manifest: File, config: File, digest: File, layers: tuple of (blob, descriptor)).",
        "files": "depset of Files that entries refer to.",
    },
)
