"""The command line of the verbs: which options there are, and reading them in one sentence's worth of errors."""

from __future__ import annotations

import argparse
import re
from typing import Any, Mapping, NoReturn, Sequence

from rules.k8s.tools.durations import parse_duration
from rules.k8s.tools.errors import UsageError
from rules.k8s.tools.objects.objects import is_namespace_name

# As many digits as every number that the server keeps may have.
_NUMBER = re.compile(r"[0-9]{1,18}")


def parse_tail(text: str) -> int:
    """Returns a number of lines, -1 for all.

    Raises:
        argparse.ArgumentTypeError: it is neither.
    """
    if text != "-1" and not _NUMBER.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of lines; write 0 or more, or -1 for all")
    return int(text)


def parse_revision(text: str) -> int:
    """Returns the number of a revision.

    Raises:
        argparse.ArgumentTypeError: no revision can have it.
    """
    if not _NUMBER.fullmatch(text) or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not the number of a revision; write 1 or more, as '-- --list' shows them")
    return int(text)


def parse_namespace(text: str) -> str:
    """Returns the name of a namespace.

    Raises:
        argparse.ArgumentTypeError: no namespace can have it.
    """
    if not is_namespace_name(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not the name of a namespace; write small letters, digits and dashes, at most 63")
    return text


# What every verb takes; the others are named by the verbs that take them.
COMMON = ("context", "accept-cluster", "output")

OPTIONS: dict[str, dict[str, Any]] = {
    "context": {"default": "", "metavar": "NAME", "help": "the context that you mean; any other than the target's own is refused"},
    "accept-cluster": {"action": "store_true", "help": "take the server behind the context as the right one from now on"},
    "output": {"choices": ("auto", "plain", "json"), "default": "auto",
               "help": "plain: lines, on a terminal too; json: one event a line on stdout"},
    "wait": {"nargs": "?", "const": 600.0, "default": 0.0, "type": parse_duration, "metavar": "DURATION",
             "help": "until everything is ready (delete: gone), at most this long; 10m when no duration is given"},
    "timeout": {"default": 600.0, "type": parse_duration, "metavar": "DURATION", "help": "at most this long; 10m by default"},
    "follow": {"action": "store_true", "short": "-f", "help": "go on with what is logged from now on, new pods' too"},
    "since": {"default": 0.0, "type": parse_duration, "metavar": "DURATION", "help": "only lines of the last so long"},
    "tail": {"default": 100, "type": parse_tail, "metavar": "LINES", "help": "at most so many old lines a container; 100 by default, -1 for all"},
    "port": {"action": "append", "default": [], "metavar": "[SERVICE[:PORT]=]LOCAL",
             "help": "the local port to use; by default one that is made of the service's name, always the same"},
    "format": {"choices": ("mermaid", "dot", "svg"), "default": "mermaid", "help": "mermaid by default"},
    "force-conflicts": {"action": "store_true", "help": "take fields over from other field managers"},
    "adopt": {"action": "store_true", "help": "take objects over that another target has applied"},
    "to": {"type": parse_revision, "default": 0, "metavar": "REVISION", "help": "the revision to go back to; the one before the newest without it"},
    "list": {"action": "store_true", "help": "print the revisions and change nothing"},
    "order": {"choices": ("ready", "none"), "default": None,
              "help": "ready: write a service when all that it depends on is ready (the default with --wait); none: everything at once"},
    "no-wait": {"action": "store_true", "help": "refuse, in place of waiting, while somebody else writes to the same stack"},
    "prune": {"action": "store_true", "help": "delete what left the stack"},
    "moved-from": {"action": "append", "default": [], "type": parse_namespace, "metavar": "NAMESPACE",
                   "help": "targets of this stack were in that namespace before, and no other user's are: what they left there is this stack's"},
    "delete-data": {"action": "store_true", "help": "delete namespaces, volumes, claims and definitions, too"},
}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Raises what argparse would print over several lines."""
        raise UsageError(f"{message[:1].upper()}{message[1:]}; see '{self.prog} --help'.")


def parse_options(verb: str, taken: Sequence[str], argv: list[str], takers: Mapping[str, Sequence[str]]) -> argparse.Namespace:
    """Reads the arguments after `--` of a verb.

    Args:
        verb: the verb's name.
        taken: names of the options that it takes beyond COMMON.
        argv: the arguments.
        takers: the verbs that take each option, to name them where one is out of place.

    Raises:
        UsageError: an argument does not belong to the verb, or its value is wrong.
    """
    parser = _Parser(prog=f"bazel run TARGET.{verb} --", allow_abbrev=False)
    for name in (*COMMON, *taken):
        settings = dict(OPTIONS[name])
        short = settings.pop("short", None)
        parser.add_argument(*([short] if short else []), f"--{name}", **settings)
    options, rest = parser.parse_known_args(argv)
    if rest:
        name = rest[0].removeprefix("--").partition("=")[0]
        if rest[0].startswith("--") and takers.get(name):
            raise UsageError(f".{verb} does not take --{name}; it belongs to .{', .'.join(takers[name])}.")
        raise UsageError(f".{verb} does not take {rest[0]!r}; see 'bazel run TARGET.{verb} -- --help'.")
    options.verb = verb
    for name in OPTIONS.keys() - set(COMMON) - set(taken):
        setattr(options, name.replace("-", "_"), OPTIONS[name].get("default", False))
    return options
