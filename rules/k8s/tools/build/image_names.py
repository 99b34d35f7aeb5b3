"""The names of images: which texts of manifests stand for an image, and where the image is published."""

from __future__ import annotations

from collections.abc import Mapping

from rules.image.tools.registry.names import is_private
from rules.k8s.tools.errors import TurnupError
from rules.k8s.tools.objects.image_references import registry_of


def check_keys(images: Mapping[str, str], label: str) -> None:
    """Checks that each text stands for one image.

    Args:
        images: the keys of images, each with its stamp variables filled in.
        label: the target, for the error.

    Raises:
        TurnupError: a text is a key, with or without values for its variables, of two images.
    """
    holders: dict[str, str] = {}
    for key, value in images.items():
        for text in (key, value):
            if holders.setdefault(text, key) != key:
                raise TurnupError(f"{label}: images has {holders[text]!r} and {key!r}, which both stand for {text!r}. Rename or remove one of them.")


def publish_name(key: str, chroot: str, registry: str, where: str) -> str:
    """Returns the repository that an image is published in: its key without tag, below image_chroot if that is set.

    Nothing is published in a public registry that only a manifest names: third-party manifests name those of their vendors.

    Args:
        key: the image's reference in the manifests.
        chroot: image_chroot; a key that is below it already stays as it is.
        registry: the workspace's registry, for names without one.
        where: the target, for errors.

    Raises:
        TurnupError: the key names a public registry, and there is no image_chroot.
    """
    head, slash, last = key.partition("@")[0].rpartition("/")
    name, chroot = head + slash + last.partition(":")[0], chroot.rstrip("/")
    named = registry_of(name)
    if chroot and not name.startswith(f"{chroot}/"):
        name = f"{chroot}/{name.replace(':', '-')}"
    elif not chroot and named not in ("", registry) and not is_private(named):
        raise TurnupError(
            f"{where}: images: {key!r} would be pushed to {named}, which only the manifests name. Set image_chroot to where this workspace publishes "
            f"images, such as {registry}, or to {name.rpartition('/')[0]} if it publishes there."
        )
    return name if registry_of(name) else f"{registry}/{name}"
