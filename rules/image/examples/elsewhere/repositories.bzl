"""container_pull and container_load with every attribute that they have, as a WORKSPACE has them."""

load("//rules/image:repositories.bzl", "container_load", "container_pull")

def images_from_elsewhere():
    """Declares @pulled, @pulled_tag, @pulled_windows and @loaded; `@NAME//image` is each image."""

    # One image of an index, which is named by its digest; the tag says what it was.
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

    # What the tag is today, for amd64 and linux.
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

    # Of a tar with several images, the one for this platform.
    container_load(
        name = "loaded",
        architecture = "arm64",
        file = "//rules/image/examples/elsewhere:saved.tar",
        os = "linux",
    )
