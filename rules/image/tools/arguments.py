"""Command lines of the image tools, which the rules write to a file, one argument per line."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

# The rules send this argument (actions.bzl), so that the tools know how the file was encoded.
_ENCODING = "--encoding="
_PROBE = "é"


def read_arguments(argv: Sequence[str]) -> list[str]:
    """Returns the arguments; if the only one is @FILE, those in the file, one per line.

    argparse would take each argument that begins with '@' for a file, even the label @repository//a:b.

    Bazel 4 keeps text as one character per byte and encodes it as UTF-8 again in the files and requests of actions; newer
    versions write the bytes themselves. Text that was encoded twice is decoded once more.
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
    """Decodes an argument that was encoded twice; an argument that can't come from a UTF-8 BUILD file stays as it is."""
    try:
        return argument.encode("latin-1").decode("utf-8", "surrogateescape")
    except UnicodeError:
        return argument


def take_pairs(arguments: Sequence[str], options: Collection[str]) -> tuple[dict[str, list[tuple[str, str]]], list[str]]:
    """Splits off the options with two values, each an argument of its own; a value may begin with a dash, as a file named -x.

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
