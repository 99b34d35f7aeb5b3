"""container_pull and container_load with all of their attributes, as in a WORKSPACE."""

load("//rules/image:repositories.bzl", "container_load", "container_pull")

def images_from_elsewhere():
    """Declares @pulled, @pulled_tag, @pulled_windows and @loaded; `@NAME//image` is each image."""

    # One image of an index that is pinned by digest; the tag is a note.
    container_pull(
        name = "pulled",
        architecture = "arm",
        cpu_variant = "v6",
        digest = "sha256:0000000000000000000000000000000000000000000000000000000000000000",
        insecure = True,
        os = "linux",
        registry = "registry.example.com",
        repository = "shop/base",
        tag = "v1",
    )

    # The tag's present image, for amd64 and linux.
    container_pull(
        name = "pulled_tag",
        insecure = True,
        registry = "registry.example.com",
        repository = "shop/base",
        tag = "v1",
    )
    container_pull(
        name = "pulled_windows",
        insecure = True,
        os = "windows",
        registry = "registry.example.com",
        repository = "shop/base",
        tag = "v1",
    )

    # The image for one platform, of a tar with several images.
    container_load(
        name = "loaded",
        architecture = "arm64",
        file = "//rules/image/examples/elsewhere:saved.tar",
        os = "linux",
    )
