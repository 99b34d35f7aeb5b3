"""The options of container_push's command line, parsed and checked."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from rules.image.tools.errors import InputError
from rules.image.tools.oci import oci


def build_parser() -> argparse.ArgumentParser:
    """Returns the parser of the push tool's arguments."""
    parser = argparse.ArgumentParser(prog="push", allow_abbrev=False)
    parser.add_argument("--plan", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--root", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--credential-helper", help=argparse.SUPPRESS)
    parser.add_argument("--registry", help="HOST or HOST:PORT instead of the attribute's")
    parser.add_argument("--repository", help="repository instead of the attribute's")
    parser.add_argument("--tag", action="append", help="tag instead of the attribute's; may be repeated")
    parser.add_argument("--insecure", action="store_true", default=None, help="speak plain HTTP")
    parser.add_argument("--secure", action="store_false", default=None, dest="insecure", help="speak TLS, also to a registry of this machine")
    parser.add_argument("--jobs", type=int, default=8, help="requests at once (default 8)")
    parser.add_argument("--verify", action="store_true", help="ask for every blob, also of images that are there, and send what is missing")
    return parser


def parse(argv: Sequence[str], options: Any) -> None:
    """Sets the attributes of options that argv gives.

    Args:
        argv: the arguments after the program's name.
        options: main.Options.

    Raises:
        InputError: a registry, repository or tag has an invalid name.
    """
    parser = build_parser()
    parser.parse_args(argv, options)
    if options.jobs < 1:
        parser.error(f"argument --jobs: found {options.jobs}; write 1 or more")
    if options.registry == "":  # probably a shell variable that is not set: falling back to the attribute would push to the wrong place
        raise InputError("--registry: found an empty name; write HOST or HOST:PORT, or leave --registry out")
    if options.repository is not None:
        oci.check_repository(options.repository, "--repository")
    for tag in options.tag or ():
        oci.check_tag(tag, "--tag")
