"""OCI image format: digests, descriptors, config and manifest (image-spec 1.1).

Pure functions on data; nothing here reads the network or writes a file. JSON is written in one
canonical form (sorted keys, no spaces, ASCII), so equal content has equal bytes and digests.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from rules.image.tools.errors import InputError, mask_login

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER_TAR = "application/vnd.oci.image.layer.v1.tar"
LAYER_GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"
LAYER_ZSTD = "application/vnd.oci.image.layer.v1.tar+zstd"
LAYERS = (LAYER_GZIP, LAYER_TAR, LAYER_ZSTD)
INDEX = "application/vnd.oci.image.index.v1+json"

# Docker's own names for the same things (distribution's image manifest V 2, schema 2), in OCI's order.
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
_DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
_DOCKER_LAYERS = {f"application/vnd.docker.image.rootfs.diff.tar{ending}": layer for ending, layer in zip((".gzip", "", ".zstd"), LAYERS, strict=False)}
INDEXES = (INDEX, DOCKER_LIST)
MANIFESTS = (MANIFEST, DOCKER_MANIFEST)

EPOCH = "1970-01-01T00:00:00Z"
MAX_JSON = 4 << 20  # the limit of registries for a manifest
MAX_BLOB = 1 << 40

# The fields of a config that build_config keeps or adds to, with their types in image-spec's config.md, and those that hold strings.
_SETTINGS = {"Cmd": list, "Entrypoint": list, "Env": list, "ExposedPorts": dict, "Labels": dict, "User": str, "Volumes": dict, "WorkingDir": str}
_TEXTS = ("Cmd", "Entrypoint", "Env", "Labels")
_JSON_NAMES = {list: "array", dict: "object", str: "string"}

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z")
_REPOSITORY = re.compile(r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*\Z")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}\Z")
_VARIABLE = re.compile(r"\$(?:\$|\{(\w+)\}|(\w+))")
_PORT = re.compile(r"([0-9]{1,5})(/(tcp|udp|sctp))?\Z")


def sha256(data: bytes) -> str:
    """Returns the digest of data as `sha256:<64 hex digits>`."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def check_digest(value: object, where: str) -> str:
    """Returns value if it is a sha256 digest in lower case.

    Args:
        value: anything, usually a field of a JSON file or a header.
        where: the place to name in the error.

    Raises:
        InputError: it is anything else. A digest becomes part of file names and URLs, so only 64 lower-case
            hex digits may pass.
    """
    if isinstance(value, str) and _DIGEST.match(value):
        return value
    raise InputError(f"{where}: {value!r:.120} is not a digest; it must be sha256: and 64 lower-case hex digits")


def check_size(value: object, where: str) -> int:
    """Returns value if it is a plausible blob size in bytes; raises InputError otherwise."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_BLOB:
        return value
    raise InputError(f"{where}: {value!r:.60} is not a size; it must be a whole number of bytes from 0 to 2^40")


def check_repository(value: str, where: str) -> str:
    """Returns value if it is a repository name as distribution-spec 1.1 defines it, at most 255 long."""
    if len(value) <= 255 and _REPOSITORY.match(value):
        return value
    raise InputError(f"{where}: {mask_login(value)!r:.120} is not a repository name; use lower-case letters, digits, '.', '_', '-' and '/'")


def check_tag(value: str, where: str) -> str:
    """Returns value if it is a tag as distribution-spec 1.1 defines it."""
    if _TAG.match(value):
        return value
    raise InputError(f"{where}: {value!r:.140} is not a tag; use up to 128 letters, digits, '.', '_' and '-'")


def check_platform(config: bytes, architecture: str, system: str, where: str, variant: str = "") -> None:
    """Raises InputError unless an image is for the requested platform.

    amd64 and linux are not checked: they are the attributes' defaults, and a single image may be for another platform.
    """
    found = load(config, where)
    for key, wanted, usual in (("architecture", architecture, "amd64"), ("os", system, "linux"), ("variant", variant, "")):
        if wanted not in ("", usual) and found.get(key) not in (None, "", wanted):
            raise InputError(
                f"{where}: {key} {wanted!r:.60} was requested, but the image is for {found[key]!r:.60}; "
                f"set {'cpu_variant' if key == 'variant' else key} to that, or name another image"
            )


def dump(value: Any) -> bytes:
    """Returns value as canonical JSON bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def load(data: bytes, where: str) -> dict[str, Any]:
    """Parses one JSON object.

    Args:
        data: the bytes of the file, at most MAX_JSON of them.
        where: the file to name in the error.

    Raises:
        InputError: too large, not UTF-8, not JSON, or not an object.
    """
    if len(data) > MAX_JSON:
        raise InputError(f"{where}: the JSON has {len(data)} bytes, but metadata of an image may have at most {MAX_JSON}; build the image again")
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: not readable as JSON ({error}); rebuild the image") from None
    if not isinstance(value, dict):
        raise InputError(f"{where}: found {type(value).__name__}, but a JSON object is needed; build the image again")
    return value


def check_descriptor(value: object, media_types: Sequence[str], where: str) -> dict[str, Any]:
    """Returns value if it is a descriptor {mediaType, digest, size} of one of media_types."""
    if not isinstance(value, dict):
        raise InputError(f"{where}: a descriptor (JSON object) is needed, found {type(value).__name__}")
    check_digest(value.get("digest"), f"{where}.digest")
    check_size(value.get("size"), f"{where}.size")
    if value.get("mediaType") not in media_types:
        raise InputError(f"{where}.mediaType: found {value.get('mediaType')!r:.120}; give one of {', '.join(media_types)}")
    return value


def check_manifest(data: bytes, where: str) -> dict[str, Any]:
    """Parses an image manifest, OCI's or docker's schema 2, and checks every descriptor in it.

    Args:
        data: the manifest's bytes.
        where: the file to name in errors.

    Returns:
        The manifest as a dict; its mediaType is set if the file lacks it.

    Raises:
        InputError: it is not an image manifest, or a descriptor is malformed.
    """
    manifest = load(data, where)
    if manifest.get("schemaVersion") == 1 or "distribution.manifest.v1+" in str(manifest.get("mediaType")):
        raise InputError(
            f"{where}: an image in docker's schema 1, which is unsupported since 2017; push it again with a current docker, or copy it with skopeo"
        )
    if manifest.get("schemaVersion") != 2 or manifest.setdefault("mediaType", MANIFEST) not in MANIFESTS:
        raise InputError(f"{where}: found {manifest.get('mediaType')!r:.120}, but an image manifest is needed; give one of the type {MANIFEST}")
    check_descriptor(manifest.get("config"), [CONFIG, _DOCKER_CONFIG], f"{where}: config")
    layers = manifest.get("layers")
    if not isinstance(layers, list):
        raise InputError(f"{where}: layers is a {type(layers).__name__}, but must be a list; build the image again")
    for index, layer in enumerate(layers):
        check_descriptor(layer, (*LAYERS, *_DOCKER_LAYERS), f"{where}: layers[{index}]")
    return manifest


def check_config(data: bytes, where: str) -> dict[str, Any]:
    """Parses an OCI image config and checks the parts that an image on top of it uses."""
    config = load(data, where)
    rootfs = config.get("rootfs")
    if not isinstance(rootfs, dict) or not isinstance(rootfs.get("diff_ids"), list):
        raise InputError(f"{where}: no rootfs.diff_ids, so this is not an image config; give an image as base")
    for index, diff_id in enumerate(rootfs["diff_ids"]):
        check_digest(diff_id, f"{where}: rootfs.diff_ids[{index}]")
    settings = config.get("config") or {}
    if not isinstance(settings, dict):
        raise InputError(f"{where}: config is a {type(settings).__name__}, but must be an object; build the image again")
    parts = [("history", config.get("history"), list), *((name, config.get(name), str) for name in ("architecture", "os"))]
    parts += [(f"config.{name}", settings.get(name), kind) for name, kind in _SETTINGS.items()]
    for name, value, kind in parts:
        if value is not None and not isinstance(value, kind):
            raise InputError(f"{where}: {name} must be a JSON {_JSON_NAMES[kind]}, found {type(value).__name__}; build the image again")
    for name in _TEXTS:
        values = settings.get(name) or []
        for value in values.values() if isinstance(values, dict) else values:
            if not isinstance(value, str):
                raise InputError(f"{where}: config.{name} must hold strings, but holds {type(value).__name__}; build the image again")
    return config


def port(value: str, where: str) -> str:
    """Returns a port in the form that ExposedPorts uses: `8080` becomes `8080/tcp`."""
    match = _PORT.match(value)
    if not match or not 1 <= int(match[1]) <= 65535:
        raise InputError(f"{where}: {value!r} is not a port; write a number from 1 to 65535, with /tcp, /udp or /sctp after it or not")
    return f"{int(match[1])}/{match[3] or 'tcp'}"


def merge_env(base: Sequence[str], changes: Sequence[Mapping[str, str]], where: str) -> list[str]:
    """Returns base's `NAME=value` list with changes applied one after the other: base's order first, then new names sorted.

    `$NAME` and `${NAME}` in a new value stand for the value of NAME before that change, `$$` for a dollar sign.

    Raises:
        InputError: a name is empty or has '=' or NUL in it, or a value has NUL in it.
    """
    merged = dict(item.partition("=")[::2] for item in base)
    known = list(merged)
    for change in changes:
        old = dict(merged)
        for name, value in change.items():
            if not name or "=" in name or "\0" in name + value:
                raise InputError(f"{where}: {name!r} is not a name for an environment variable; remove '=' and NUL")
            merged[name] = _VARIABLE.sub(lambda match, old=old: "$" if match[0] == "$$" else old.get(match[1] or match[2], match[0]), value)  # type: ignore[misc]
    return [f"{name}={merged[name]}" for name in [*known, *sorted(merged.keys() - set(known))]]


def build_config(
    base: Mapping[str, Any] | None,
    layers: Sequence[Mapping[str, Any]],
    settings: Mapping[str, Any],
    where: str,
) -> dict[str, Any]:
    """Returns the config of an image that puts layers on top of base.

    Args:
        base: the base image's config, or None for an image from scratch.
        layers: the new layers' descriptors, lowest first, each with diff_id and, optionally, architecture
            and created_by.
        settings: envs (list of {name: value}, each on top of those before it), labels ({name: value}), entrypoint and cmd (list,
            None keeps the base's and [] clears it; a new entrypoint drops the base's cmd), user and
            workdir (None keeps the base's), ports and volumes (lists, added to the base's), architecture and os
            (None: the base's, else the layers', else amd64 and linux), created (RFC 3339 time or None).
        where: the target to name in errors.

    Returns:
        The config, by image-spec 1.1 (config.md).
    """
    base = base or {}
    old = dict(base.get("config") or {})
    new = {key: value for key, value in old.items() if key not in ("Env", "Labels", "ExposedPorts", "Volumes")}
    env = merge_env(old.get("Env") or [], settings.get("envs") or [], f"{where}: env")
    labels = {**(old.get("Labels") or {}), **(settings.get("labels") or {})}
    ports = {**(old.get("ExposedPorts") or {}), **{port(p, f"{where}: ports"): {} for p in settings.get("ports") or []}}
    volumes = {**(old.get("Volumes") or {}), **{volume: {} for volume in settings.get("volumes") or []}}
    new.update({key: value for key, value in (("Env", env), ("Labels", labels), ("ExposedPorts", ports), ("Volumes", volumes)) if value})
    if settings.get("entrypoint"):
        new.pop("Cmd", None)  # the base's arguments are for another program
    for key, name in (("Entrypoint", "entrypoint"), ("Cmd", "cmd"), ("User", "user"), ("WorkingDir", "workdir")):
        if settings.get(name) is not None:
            new[key] = settings[name]
            if not new[key]:
                del new[key]
    architecture = _architecture(base, layers, settings.get("architecture"), where)
    created = settings.get("created") or EPOCH
    history = list(base.get("history") or [])
    history += [{"created": created, "created_by": layer.get("created_by", "layer")} for layer in layers]
    system = settings.get("os") or base.get("os") or "linux"
    kept = ["author", "variant"] + ["os.version", "os.features"] * (system == base.get("os"))
    return {
        **{name: base[name] for name in kept if base.get(name)},
        "architecture": architecture,
        "config": new,
        "created": created,
        "history": history,
        "os": system,
        "rootfs": {
            "type": "layers",
            "diff_ids": list((base.get("rootfs") or {}).get("diff_ids") or []) + [layer["diff_id"] for layer in layers],
        },
    }


def _architecture(base: Mapping[str, Any], layers: Sequence[Mapping[str, Any]], wanted: str | None, where: str) -> str:
    """Returns the architecture that wanted, base and layers agree on; raises InputError when they do not."""
    found = {"attribute architecture": wanted, "base": base.get("architecture")}
    for index, layer in enumerate(layers):
        found[f"layer {index + 1}"] = layer.get("architecture")
    known = {source: name for source, name in found.items() if name}
    if len(set(known.values())) > 1:
        facts = ", ".join(f"{source} is for {name}" for source, name in known.items())
        raise InputError(f"{where}: parts for different machines in one image ({facts}); build them for one")
    return next(iter(known.values()), "amd64")


def build_manifest(config: bytes, layers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Returns the manifest for a config's bytes and all layer descriptors, lowest first."""
    return {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": CONFIG, "digest": sha256(config), "size": len(config)},
        "layers": [layer_descriptor(layer) for layer in layers],
    }


def layer_descriptor(layer: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a layer's mediaType, digest and size, with OCI's mediaType instead of docker's."""
    kind = layer["mediaType"]
    return {"mediaType": _DOCKER_LAYERS.get(kind, kind), "digest": layer["digest"], "size": layer["size"]}
