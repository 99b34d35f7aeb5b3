"""The providers of rules/k8s."""

K8sObjectInfo = provider(
    doc = "The closure of a k8s_object or k8s_objects, with each object and image once.",
    fields = {
        "checked": "File: JSON `{label, objects, services, names, scopes, changed}`, written after the check of the whole closure. None: a single k8s_object.",
        "entries": """depset of structs, one for each k8s_object, dependencies first.

The fields are label (string), service (service.json File or None), deps (tuple of labels of direct dependencies), normalized
(File), resolved (File) and kubeconfig (File or None).""",
        "files": "depset of Files: the resolved manifests of entries, with image digests, and their service.json files.",
        "image_files": "depset of Files: the push plans and the files of all images in them.",
        "overrides": """File: JSON `{label, objects}`, the objects that the closure sends instead of those in resolved manifests. None: a single k8s_object.

Only the closure knows the content-hashed names of other targets' ConfigMaps and Secrets. `objects` is a list of `{target, index, object}`.""",
        "plain_files": "depset of Files: the normalized manifests of entries, for verbs that build no images.",
        "preload_runfiles": "runfiles of the loaders and archives in `preloads`.",
        "preloads": "depset of `struct(label: string, reference: string, archive: File, loader: File)`.",
        "push_plans": "depset of `struct(label: string, keys: tuple of strings in images, plan: File)`, one for each k8s_object with images.",
    },
)

ServiceInfo = provider(
    doc = "The name and ports of a service, for dependents.",
    fields = {
        "json": "File: the checked service.yaml as JSON `{name, port, ports?}`.",
    },
)

DebugImageInfo = provider(
    doc = "The image of the debug containers that .exec starts.",
    fields = {
        "files": "depset of Files: the push plan and the files of the image.",
        "plan": "File: the push plan.",
    },
)

PinInfo = provider(
    doc = "The images of a service and of everything that it depends on.",
    fields = {
        "entries": """depset of structs, one for each image.

The fields are label (string), name (key in the pins file), repository (string), pins (the pins file's path from the workspace
root), digest (File) and push_plan (File, or None for a target without build).""",
        "files": "depset of Files: the digests, push plans and images of all entries.",
    },
)
