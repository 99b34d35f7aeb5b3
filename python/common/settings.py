"""Command-line settings whose defaults come from environment variables.

A pod's manifest sets the variables; a person at a shell passes the options.
"""

import argparse
from collections.abc import Mapping


def port(text: str) -> int:
    """Parses a TCP port, 1 to 65535 (an `argparse` type).

    Raises:
        argparse.ArgumentTypeError: the text is no such number.
    """
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"a port is a number from 1 to 65535, got {text!r}")
    return int(text)


def add(
    parser: argparse.ArgumentParser,
    env: Mapping[str, str],
    option: str,
    variable: str,
    help: str,
    *,
    type: type = str,
    default: str | None = None,
) -> None:
    """Adds `option`, taken from `env[variable]` or `default` when not given.

    Without any of the three the option is required, and the parser's message
    names both ways to give it. A bad value in the variable is refused like a
    bad value of the option.
    """
    value = env.get(variable) or default
    parser.add_argument(
        option,
        type=type,
        default=value,
        required=value is None,
        metavar=variable,
        help=f"{help} (environment: {variable})",
    )
