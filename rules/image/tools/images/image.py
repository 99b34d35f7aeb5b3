"""Writes an image's config, manifest and digest from its base and its layers' descriptors.

As a program (one @FILE argument may hold the rest, one argument a line):

    image --where=LABEL --config=OUT --manifest=OUT --digest=OUT [--base-config=FILE --base-manifest=FILE]
          [--layer=DESCRIPTOR]… [--settings=FILE] [--label-file NAME FILE]… [--status=FILE]…

With --status (Bazel's workspace status files) stamp variables such as {BUILD_USER} are filled in.

The settings file is a JSON object with the settings of oci.build_config.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from rules.common import stamping, worker
from rules.common.stamping import fill
from rules.image.tools.arguments import read_arguments, take_pairs
from rules.image.tools.errors import InputError, run, writing
from rules.image.tools.oci import oci

_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)\Z", re.ASCII)

# From here on, in the year 5138, a number is in milliseconds, as in rules_docker.
_MILLISECONDS = 10**11


def parse_created(value: str, where: str) -> str:
    """Returns a creation time in UTC, in RFC 3339, from seconds or milliseconds since 1970 or from RFC 3339 itself; '' is 1970."""
    if not value:
        return oci.EPOCH
    if match := _TIME.match(value):
        import datetime  # most images have the time 1970

        try:
            moment = datetime.datetime.fromisoformat(match[1] + match[3]).astimezone(datetime.UTC)
        except (ValueError, OverflowError):
            raise InputError(f"{where}: creation_time: found {value!r}, which is not a date and time; correct it") from None
        return f"{moment:%Y-%m-%dT%H:%M:%S}{match[2] or ''}Z"
    if re.fullmatch(r"[0-9]{1,14}(\.[0-9]+)?", value):
        import time
        from decimal import Decimal

        seconds = Decimal(value)
        if seconds >= _MILLISECONDS:
            seconds /= 1000
        fraction = f"{seconds % 1:f}".lstrip("0").rstrip("0").rstrip(".")
        return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(int(seconds)))}{fraction}Z"
    raise InputError(
        f"{where}: creation_time: found {value!r}; write seconds since 1970 or a time such as {oci.EPOCH}"
        f"{', and set stamp = True for stamp variables' * ('{' in value)}"
    )


def read_layer(path: str) -> dict[str, Any]:
    """Returns a layer's checked descriptor from the file that the layer tool wrote."""
    descriptor = oci.check_descriptor(oci.load(Path(path).read_bytes(), path), oci.LAYERS, path)
    oci.check_digest(descriptor.get("diff_id"), f"{path}: diff_id")
    return descriptor


def build_parser() -> argparse.ArgumentParser:
    """Returns the parser of this program's arguments."""
    parser = argparse.ArgumentParser(prog="image", allow_abbrev=False)
    for name in ("where", "config", "manifest", "digest"):
        parser.add_argument(f"--{name}", required=True)
    for name in ("base-config", "base-manifest", "settings"):
        parser.add_argument(f"--{name}")
    parser.add_argument("--layer", action="append", default=[])
    parser.add_argument("--status", action="append", default=[])
    return parser


def main(argv: Sequence[str]) -> int:
    """Writes config, manifest and digest as the arguments say (see the module's text)."""
    pairs, rest = take_pairs(read_arguments(argv), ["--label-file"])
    options = build_parser().parse_args(rest)
    where = options.where
    base, below = None, []
    if options.base_config:
        base = oci.check_config(Path(options.base_config).read_bytes(), options.base_config)
        below = oci.check_manifest(Path(options.base_manifest).read_bytes(), options.base_manifest)["layers"]
        if len(below) != len(base["rootfs"]["diff_ids"]):
            raise InputError(f"{where}: base has {len(below)} layers in its manifest and {len(base['rootfs']['diff_ids'])} in its config; build it again")
    settings = oci.load(Path(options.settings).read_bytes(), options.settings) if options.settings else {}
    labels = settings.setdefault("labels", {})
    for name, path in pairs["--label-file"]:
        try:
            labels[name] = Path(path).read_text("utf-8").strip()
        except UnicodeDecodeError as error:
            raise InputError(f"{where}: label_files: {path} is not UTF-8 text (byte {error.start}); save it as UTF-8") from None
    if options.status:
        fill_all(settings, stamping.read_status(options.status), where)
    settings["created"] = parse_created(settings.get("created") or "", where)
    layers = [read_layer(path) for path in options.layer]
    config = oci.dump(oci.build_config(base, layers, settings, where))
    manifest = oci.dump(oci.build_manifest(config, [*below, *layers]))
    for path, data in ((options.config, config), (options.manifest, manifest), (options.digest, oci.sha256(manifest).encode())):
        with writing(where, path):
            Path(path).write_bytes(data)
    return 0


def fill_all(settings: dict[str, Any], status: Mapping[str, str], where: str) -> None:
    """Fills in the stamp variables of an image's settings: created, cmd, entrypoint, user, workdir, and the values of envs and labels.

    Raises:
        InputError: the status lacks a variable.
    """
    settings["created"] = fill(str(settings.get("created") or "{BUILD_TIMESTAMP}"), status, f"{where}: creation_time")
    labels, envs = settings.get("labels") or {}, settings.get("envs") or []
    settings["labels"] = {key: fill(value, status, f"{where}: labels") for key, value in labels.items()}
    settings["envs"] = [{key: fill(value, status, f"{where}: env") for key, value in env.items()} for env in envs]
    for name in ("user", "workdir"):
        if settings.get(name):
            settings[name] = fill(str(settings[name]), status, f"{where}: {name}")
    for name in ("cmd", "entrypoint"):
        if settings.get(name):
            settings[name] = [fill(word, status, f"{where}: {name}") for word in settings[name]]


if __name__ == "__main__":
    sys.exit(worker.start(partial(run, main), sys.argv[1:], "image"))
