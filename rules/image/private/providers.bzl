"""The providers of the image rules."""

LayerInfo = provider(
    doc = "One layer of an image.",
    fields = {
        "blob": "File: the layer's tar, compressed as its descriptor says.",
        "descriptor": "File: JSON object `{mediaType, digest, size, diff_id}`, with `architecture` if the layer is for one.",
        "env": "dict from string to string: environment variables of an image with this layer. Empty: none.",
    },
)

ImageInfo = provider(
    doc = "A container image.",
    fields = {
        "archive": "File: `NAME.tar`, for `ctr images import` and `docker load`. Built only on request.",
        "config": "File: the OCI image config, JSON.",
        "digest": "File: the manifest's digest, `sha256:` and 64 hex digits, without a newline.",
        "folders": "File: the folders and links of the image, JSON, for layers on top of it, which keep them. Built only on request.",
        "layers": """list of `struct(blob = File, descriptor = File)`, the base's first.

For a prebuilt image both are one folder with `N` and `N.json` for each layer, numbered from 0, because the number of layers
is unknown until the image is read.""",
        "manifest": "File: the image manifest, JSON, in OCI's format, or in Docker's schema 2 if the registry had that.",
    },
)

BundleInfo = provider(
    doc = "Several images with their names.",
    fields = {
        "images": "list of `struct(reference = string, image = ImageInfo)`. A reference is `[REGISTRY/]REPOSITORY:TAG` and may have stamp variables, `{KEY}`.",
        "stamp": "bool: whether to replace the stamp variables.",
    },
)
