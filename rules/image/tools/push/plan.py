"""Writes push plans: checks names and destinations at build time, and says what a push sends where.

    push_plan --spec FILE --plan OUT [--digest OUT]

One argument @FILE may hold these, one per line; for --persistent_worker see rules/common/worker.py.

The spec is a JSON object:

    where       the target, for messages
    registry, repository, tag   the attributes; null where not given
    repository_file, tag_file   paths; null where not given
    insecure    true: plain HTTP
    private_plain  true: plain HTTP for a registry at a private address, such as the cluster's own
    format      "OCI" or "Docker"
    status      paths of Bazel's workspace status; empty where nothing is stamped
    by_flag     true: names keep their stamp variables, because the build is without --stamp; the push refuses them
    references  path of a JSON file with `references`, {key: [REGISTRY/]REPOSITORY@DIGEST}; null where images have no keys
    one_platform  true: an image may be one platform of a multi-platform image, chosen by default
    images      [{key, reference, manifest, runfiles, docker, docker_runfiles, config, layers: [[path, runfiles], …]}]
                key: null, or the key of the image in references; an image without a reference is left out
                reference: null for an image whose destination is registry and repository
                manifest, docker: paths of the image's manifest, and of the Docker manifest to write
                runfiles, docker_runfiles: the same as paths in the runfiles; config: such a path; layers: both paths
                of each, which may be a folder of layers, see image_files.layer_blobs
                Or {reference, parts, runfiles}: a folder that push/layout.py wrote, its path and its path in the runfiles.

The plan is the one format in which the rules tell a push what to send; container_push, `.apply` and `pin` read it with
plan_reader.py. It has one fact per line, words separated by tabs: `registry NAME plain|auto`, then for each image that goes there
`image REPOSITORY DIGEST MEDIA_TYPE SIZE PATH`, then of that image `tag NAME` and `blob DIGEST SIZE PATH`. If an image
is an index, everything it refers to comes before it in the same way, as `part` instead of `image` and without tags. --digest
gets the digests alone, in the order of images, separated by newlines.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from rules.common import stamping, worker
from rules.image.tools.arguments import read_arguments
from rules.image.tools.errors import InputError, PushError, mask_login, run
from rules.image.tools.oci import image_files, oci
from rules.image.tools.registry.names import is_private, split_name

_DOCKER_TYPES = {
    oci.CONFIG: "application/vnd.docker.container.image.v1+json",
    oci.LAYER_GZIP: "application/vnd.docker.image.rootfs.diff.tar.gzip",
    oci.LAYER_TAR: "application/vnd.docker.image.rootfs.diff.tar",
    oci.LAYER_ZSTD: "application/vnd.docker.image.rootfs.diff.tar.zstd",  # not in Docker's specification, but containerd and Docker read it
}


class Destination(NamedTuple):
    """Registry, repository and tags of one image."""

    registry: str
    repository: str
    tags: tuple[str, ...]


def read_first_line(path: str, where: str) -> str:
    """Returns the first line of a file, stripped; raises InputError if it is empty or not text."""
    try:
        text = Path(path).read_text("utf-8").strip().partition("\n")[0].strip()
    except UnicodeDecodeError:
        raise InputError(f"{where}: {path} is not UTF-8 text; write the name into its first line") from None
    if not text:
        raise InputError(f"{where}: {path} is empty; write the name into its first line")
    return text


def split_reference(reference: str, registry: str, where: str) -> Destination:
    """Returns where `REGISTRY/REPOSITORY:TAG` or `REPOSITORY:TAG` is.

    Args:
        reference: one of them; the tag is optional.
        registry: the default registry. Empty: none.
        where: target and attribute, for the error.

    Raises:
        InputError: there is no registry.
    """
    first, slash, rest = reference.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        registry = first
    else:
        rest = reference
    if not registry:
        raise InputError(f"{where}: found {mask_login(reference)!r:.200}, which names no registry; write REGISTRY/REPOSITORY:TAG, or give registry")
    repository, colon, tag = rest.partition(":")
    return Destination(registry, repository, (tag,) if colon else ())


def check_destination(place: Destination, where: str) -> Destination:
    """Returns the destination if all its names are valid; raises InputError otherwise."""
    try:
        split_name(place.registry)
    except PushError as error:
        raise InputError(f"{where}: {error}") from None
    oci.check_repository(place.repository, f"{where}: repository")
    for tag in place.tags:
        oci.check_tag(tag, f"{where}: tag")
    return place


def _without_variables(place: Destination) -> Destination:
    """Returns a destination with placeholders for the stamp variables in its names."""
    blank = stamping.placeholders
    return Destination(blank(place.registry), blank(place.repository), tuple(map(blank, place.tags)))


def docker_manifest(manifest: Mapping[str, Any]) -> bytes:
    """Returns an OCI manifest in Docker's older format (image manifest version 2, schema 2)."""

    def part(descriptor: Mapping[str, Any]) -> dict[str, Any]:
        return {"mediaType": _DOCKER_TYPES[descriptor["mediaType"]], "digest": descriptor["digest"], "size": descriptor["size"]}

    layers = [part(layer) for layer in manifest["layers"]]
    return oci.dump({"schemaVersion": 2, "mediaType": oci.DOCKER_MANIFEST, "config": part(manifest["config"]), "layers": layers})


def _parts_lines(image: Mapping[str, Any], place: Destination) -> list[tuple[Any, ...]]:
    """Returns the plan's lines of an image that push/layout.py took apart."""
    lines: list[tuple[Any, ...]] = []
    manifests = oci.load(b'{"manifests":' + Path(image["parts"], image_files.ORDER).read_bytes() + b"}", image["parts"])["manifests"]

    def path(digest: str) -> str:
        return f"{image['runfiles']}/{digest.removeprefix('sha256:')}"

    for number, manifest in enumerate(manifests):
        last = number == len(manifests) - 1
        lines.append(("image" if last else "part", place.repository, manifest["digest"], manifest["mediaType"], manifest["size"], path(manifest["digest"])))
        lines += [("tag", tag) for tag in place.tags] if last else []
        lines += [("blob", part["digest"], part["size"], path(part["digest"])) for part in manifest["parts"]]
    return lines


def _check_whole(spec: Mapping[str, Any], data: bytes, layers: Sequence[Sequence[str]]) -> None:
    """Raises InputError if the image is one platform of a multi-platform image and was chosen by default."""
    for path, _ in layers:
        marker = Path(path, image_files.PLATFORMS)
        if marker.exists() and (several := oci.load(marker.read_bytes(), str(marker)))["manifest"] == oci.sha256(data):
            raise InputError(
                f"{spec['where']}: image: the image has several platforms ({', '.join(several['platforms'])}), and only one would be pushed; "
                "push the layout with a separate container_push and format OCI, or choose one with container_load and its architecture"
            )


def _image_lines(spec: Mapping[str, Any], image: Mapping[str, Any], place: Destination) -> list[tuple[Any, ...]]:
    """Returns the plan's lines of one image; writes its Docker manifest if the spec asks for it."""
    where = spec["where"]
    data = Path(image["manifest"]).read_bytes()
    manifest = oci.check_manifest(data, image["manifest"])
    if not spec.get("one_platform"):
        _check_whole(spec, data, image["layers"])
    parts = [manifest["config"], *manifest["layers"]]
    files = [image["config"]]
    for path, runfiles in image["layers"]:
        files += [f"{runfiles}/{blob.name}" for blob in image_files.layer_blobs([path])] if Path(path).is_dir() else [runfiles]
    if len(parts) != len(files):
        raise InputError(f"{where}: image: its manifest names {len(parts) - 1} layers, but {len(files) - 1} were given; build it again")
    media_type, path = manifest["mediaType"], image["runfiles"]
    if spec["format"] == "Docker" and media_type == oci.MANIFEST:
        data, media_type = docker_manifest(manifest), oci.DOCKER_MANIFEST
    if spec["format"] == "Docker":
        path = image["docker_runfiles"]
        Path(image["docker"]).write_bytes(data)
    return [
        ("image", place.repository, oci.sha256(data), media_type, len(data), path),
        *(("tag", tag) for tag in place.tags),
        *(("blob", part["digest"], part["size"], file) for part, file in zip(parts, files, strict=False)),
    ]


def main(argv: Sequence[str]) -> int:
    """Writes the plan as the spec says (see the module's text)."""
    parser = argparse.ArgumentParser(prog="push_plan", allow_abbrev=False)
    parser.add_argument("--spec", required=True)
    parser.add_argument("--plan", required=True)
    parser.add_argument("--digest")
    options = parser.parse_args(read_arguments(argv))
    spec = oci.load(Path(options.spec).read_bytes(), options.spec)
    where, status = spec["where"], stamping.read_status(spec["status"])

    def stamped(text: str, attribute: str) -> str:
        return stamping.fill(text, status, f"{where}: {attribute}") if spec["status"] else text

    def named(attribute: str) -> str:
        if spec[f"{attribute}_file"]:
            return stamped(read_first_line(spec[f"{attribute}_file"], f"{where}: {attribute}_file"), f"{attribute}_file")
        return stamped(spec[attribute] or "", attribute)

    references = oci.load(Path(spec["references"]).read_bytes(), spec["references"])["references"] if spec.get("references") else {}
    by_registry: dict[str, list[tuple[Any, ...]]] = {}
    digests = []
    for image in spec["images"]:
        if key := image.get("key"):
            if key not in references:
                continue
            place = split_reference(references[key].partition("@")[0], spec["registry"], f"{where}: images")
        elif image["reference"]:
            place = split_reference(stamped(image["reference"], "images"), stamped(spec["registry"] or "", "registry"), f"{where}: images")
        else:
            tag = named("tag")
            place = Destination(stamped(spec["registry"], "registry"), named("repository"), (tag,) if tag else ())
        check_destination(_without_variables(place) if spec.get("by_flag") else place, where)
        lines = _parts_lines(image, place) if image.get("parts") else _image_lines(spec, image, place)
        digests += [line[2] for line in lines if line[0] == "image"]
        by_registry.setdefault(place.registry, []).extend(lines)
    if options.digest:
        Path(options.digest).write_text("\n".join(digests), "ascii")
    lines = []
    for registry, images in by_registry.items():
        lines += [("registry", registry, "plain" if spec["insecure"] or (spec.get("private_plain") and is_private(registry)) else "auto"), *images]
    Path(options.plan).write_text("".join("\t".join(map(str, line)) + "\n" for line in lines), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(worker.start(partial(run, main), sys.argv[1:], "image"))
