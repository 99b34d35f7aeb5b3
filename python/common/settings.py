"""Command-line options with defaults from environment variables.

A pod's manifest sets the variables; a person at a shell passes the options.
"""

import argparse
from collections.abc import Callable, Mapping
from typing import Any


def port(text: str) -> int:
    """Parses a TCP port (an `argparse` type).

    Args:
        text: a number from 1 to 65535.

    Returns:
        The port.

    Raises:
        argparse.ArgumentTypeError: the text is not such a number.
    """
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port; use a number from 1 to 65535")
    return int(text)


def add(
    parser: argparse.ArgumentParser,
    env: Mapping[str, str],
    option: str,
    variable: str,
    text: str,
    *,
    parse: Callable[[str], Any] = str,
    default: str | None = None,
) -> None:
    """Adds an option with a default from an environment variable.

    The option is required if neither variable nor default is set. The value of the
    variable is parsed like that of the option.

    Args:
        parser: the parser to which the option is added.
        env: environment variables.
        option: name of the option, with its dashes.
        variable: name of the environment variable.
        text: help text of the option.
        parse: parses the value.
        default: value if neither option nor variable is set; None if one is required.
    """
    value = env.get(variable) or default
    parser.add_argument(
        option,
        type=parse,
        default=value,
        required=value is None,
        metavar=variable,
        help=f"{text} (environment: {variable})",
    )
