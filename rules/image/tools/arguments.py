"""Command lines of the image tools, as the rules write them: in a file, one argument a line."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Collection, Sequence

# What the rules send along (tool.bzl), so that there is nothing to guess about how the file was encoded.
_ENCODING = "--encoding="
_PROBE = "é"


def with_file(argv: Sequence[str]) -> list[str]:
    """Returns arguments, those in a file of one a line included, where the only argument is @FILE.

    argparse's own way takes each argument that begins with '@' for a file, also the label @repository//a:b.

    Bazel 4 holds text as one character a byte, and writes the files and requests of actions as UTF-8 of that; newer ones
    write the bytes themselves. Text that was encoded twice so is decoded once more.
    """
    arguments = list(argv)
    if len(arguments) == 1 and arguments[0].startswith("@"):
        with open(arguments[0][1:], encoding="utf-8", errors="surrogateescape") as file:
            arguments = file.read().split("\n")[:-1]
    if not arguments or not arguments[-1].startswith(_ENCODING):
        return arguments
    probe = arguments.pop().removeprefix(_ENCODING)
    return arguments if probe == _PROBE else [_once(argument) for argument in arguments]


def _once(argument: str) -> str:
    """Returns an argument that was encoded twice; what no BUILD file of UTF-8 has stays as it is."""
    try:
        return argument.encode("latin-1").decode("utf-8", "surrogateescape")
    except UnicodeError:
        return argument


def take_pairs(arguments: Sequence[str], options: Collection[str]) -> tuple[dict[str, list[tuple[str, str]]], list[str]]:
    """Splits off the options that have two values, each an argument of its own, whatever it begins with: a file may be named -x.

    Args:
        arguments: every other option in them is of the form --NAME=VALUE.
        options: the names of those options, with their dashes.

    Returns:
        The pairs of each option, and the other arguments.
    """
    pairs: dict[str, list[tuple[str, str]]] = {option: [] for option in options}
    rest = []
    values = iter(arguments)
    for argument in values:
        if argument in pairs:
            pairs[argument].append((next(values, ""), next(values, "")))
        else:
            rest.append(argument)
    return pairs, rest
