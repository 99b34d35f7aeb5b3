"""What the image rules hand to each other and to rules that use images."""

LayerInfo = provider(
    doc = "One layer of an image.",
    fields = {
        "blob": "File: the layer's tar, compressed as its descriptor says.",
        "descriptor": "File: JSON object {mediaType, digest, size, diff_id}, and architecture where the layer is for one.",
        "env": "dict from name to value: environment variables that an image with this layer sets. Empty if none.",
    },
)

ImageInfo = provider(
    doc = "A container image.",
    fields = {
        "archive": "File: a tar that `ctr images import` and `docker load` accept. Built only when something asks for it.",
        "config": "File: the OCI image config, JSON.",
        "digest": "File: the manifest's digest, `sha256:` and 64 hex digits, without a newline.",
        "layers": """list of struct(blob = File, descriptor = File), the base's first. Of an image made elsewhere both are one folder
with `N` and `N.json` for each of its layers, numbered from 0: how many there are is known only when it has been read.""",
        "manifest": "File: the image manifest, JSON: OCI's, or docker's schema 2 where a registry had that.",
    },
)

BundleInfo = provider(
    doc = "Several images, each with its name.",
    fields = {
        "images": "list of struct(reference = string, image = ImageInfo): [REGISTRY/]REPOSITORY:TAG, stamp variables in it as {NAME}.",
        "stamp": "bool: whether those variables are to be filled in.",
    },
)
