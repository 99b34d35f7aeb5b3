"""The command line of the verbs: its options, and their parsing, with one-sentence errors."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from rules.k8s.tools.durations import parse_duration
from rules.k8s.tools.errors import UsageError
from rules.k8s.tools.objects.objects import is_namespace_name

# Eighteen digits fit into every integer that the server stores.
_NUMBER = re.compile(r"[0-9]{1,18}")


def parse_tail(text: str) -> int:
    """Returns a number of lines, -1 for all.

    Raises:
        argparse.ArgumentTypeError: it is not a number of lines.
    """
    if text != "-1" and not _NUMBER.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of lines; write 0 or more, or -1 for all")
    return int(text)


def parse_revision(text: str) -> int:
    """Returns the number of a revision.

    Raises:
        argparse.ArgumentTypeError: it is not the number of a revision.
    """
    if not _NUMBER.fullmatch(text) or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not the number of a revision; write 1 or more, as '-- --list' shows them")
    return int(text)


def parse_namespace(text: str) -> str:
    """Returns the name of a namespace.

    Raises:
        argparse.ArgumentTypeError: it is not the name of a namespace.
    """
    if not is_namespace_name(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not the name of a namespace; write at most 63 lowercase letters, digits and dashes")
    return text


# Options of every verb; the entries of verb_table.py name the others.
COMMON = ("context", "accept-cluster", "output")

OPTIONS: dict[str, dict[str, Any]] = {
    "context": {"default": "", "metavar": "NAME", "help": "the context to use; only the target's own is accepted"},
    "accept-cluster": {"action": "store_true", "help": "trust the server behind the context from now on"},
    "output": {"choices": ("auto", "plain", "json"), "default": "auto", "help": "plain: lines, even on a terminal; json: one event per line on stdout"},
    "wait": {
        "nargs": "?",
        "const": 600.0,
        "default": 0.0,
        "type": parse_duration,
        "metavar": "DURATION",
        "help": "wait until everything is ready (delete: gone), at most DURATION: 10m by default",
    },
    "timeout": {"default": 600.0, "type": parse_duration, "metavar": "DURATION", "help": "wait at most DURATION; 10m by default"},
    "follow": {"action": "store_true", "short": "-f", "help": "keep printing new lines, including those of new pods"},
    "since": {"default": 0.0, "type": parse_duration, "metavar": "DURATION", "help": "only lines newer than DURATION"},
    "tail": {"default": 100, "type": parse_tail, "metavar": "LINES", "help": "at most LINES old lines per container; 100 by default, -1 for all"},
    "port": {
        "action": "append",
        "default": [],
        "metavar": "[SERVICE[:PORT]=]LOCAL",
        "help": "the local port to use; by default one derived from the service's name, always the same",
    },
    "name": {"action": "append", "default": [], "metavar": "CRONJOB", "help": "only the CronJob of this name; repeat it for several"},
    "service": {"default": "", "metavar": "NAME", "help": "the service to run the command in, if the target has several"},
    "pod": {"default": "", "metavar": "NAME", "help": "the pod to run the command in; by default the newest ready one"},
    "container": {"default": "", "short": "-c", "metavar": "NAME", "help": "the container to run the command in; by default the pod's main one"},
    "stdin": {"action": "store_true", "short": "-i", "help": "pass stdin to the command"},
    "tty": {"action": "store_true", "short": "-t", "help": "give the terminal to the command; implies -i"},
    "debug": {"action": "store_true", "help": "run the command in a debug container, with a shell, beside the container"},
    "image": {"default": "", "metavar": "REF", "help": "the debug container's image; by default a small one with busybox"},
    "format": {"choices": ("mermaid", "dot", "svg"), "default": "mermaid", "help": "mermaid by default"},
    "force-conflicts": {"action": "store_true", "help": "take fields over from other field managers"},
    "adopt": {"action": "store_true", "help": "take over objects of another target, another tool or a person"},
    "to": {"type": parse_revision, "default": 0, "metavar": "REVISION", "help": "the revision to roll back to; by default the last other set that was ready"},
    "list": {"action": "store_true", "help": "print the revisions and change nothing"},
    "order": {
        "choices": ("auto", "ready", "none"),
        "default": "auto",
        "help": "auto (the default): write everything at once, but what depends on a Job once the Job has run; ready: write a service once "
        "its dependencies are ready; none: write everything at once",
    },
    "no-wait": {"action": "store_true", "help": "fail instead of waiting while somebody else writes to the same stack"},
    "prune": {"action": "store_true", "help": "delete objects that left the stack"},
    "moved-from": {
        "action": "append",
        "default": [],
        "type": parse_namespace,
        "metavar": "NAMESPACE",
        "help": "treat what this target's stack left in NAMESPACE as this stack's own; use it only if no other user's stack is there",
    },
    "delete-data": {"action": "store_true", "help": "also delete namespaces, volumes, claims and definitions"},
}


# Actions of rules_k8s, whose `args` in BUILD files are flags of kubectl.
_KUBECTL_VERBS = ("apply", "create", "delete", "describe", "diff", "replace")
# Flags of kubectl that change nothing here: the API server validates every object, and every write is a server-side apply.
_WITHOUT_EFFECT = ("v", "validate", "record", "save-config", "server-side", "ignore-not-found", "show-events")
# Flags of kubectl that would change something, and what does it here.
_COUNTERPARTS = {
    "cluster": "set cluster of the target",
    "dry-run": "run .diff, which writes nothing",
    "force": "annotate the object with turnup/on-immutable: recreate",
    "kubeconfig": "set kubeconfig of the target",
    "namespace": "set namespace of the target",
    "overwrite": "use --force-conflicts",
    "user": "set user of the target",
}


def _split_kubectl(verb: str, words: list[str]) -> tuple[list[str], list[str]]:
    """Returns the flags of kubectl without effect among words that are no options of the verb, and the other words."""
    if verb not in _KUBECTL_VERBS:
        return [], words
    ignored: list[str] = []
    others: list[str] = []
    for word in words:
        name = word.removeprefix("--").partition("=")[0]
        if (word.startswith("--") and name in _WITHOUT_EFFECT) or re.fullmatch(r"-v=?[0-9]+", word):
            ignored.append(word)
        elif ignored and ignored[-1] in ("-v", "--v") and word.isdecimal():
            ignored[-1] += f" {word}"
        elif word == "-v":
            ignored.append(word)
        else:
            others.append(word)
    return ignored, others


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Raises the error that argparse would print over several lines."""
        raise UsageError(f"{message[:1].upper()}{message[1:]}; see '{self.prog} --help'.")


def split_command(taken: Sequence[str], argv: list[str]) -> tuple[list[str], list[str]]:
    """Returns the options at the start of a command line, and the command that follows them.

    The command starts at the first word that is not an option, or after the first `--`.

    Args:
        taken: names of the verb's options beyond COMMON.
        argv: the arguments.
    """
    settings = {name: OPTIONS[name] for name in (*COMMON, *taken)}
    with_value = {word for name, each in settings.items() if each.get("action") != "store_true" for word in (f"--{name}", each.get("short"))}
    index = 0
    while index < len(argv):
        if argv[index] == "--":
            return argv[:index], argv[index + 1 :]
        if not argv[index].startswith("-"):
            break
        index += 2 if argv[index] in with_value else 1
    return argv[:index], argv[index:]


def parse_options(
    verb: str, taken: Sequence[str], argv: list[str], verbs_with: Callable[[str], Sequence[str]], command: Sequence[str] | None = None
) -> argparse.Namespace:
    """Returns the parsed arguments after `--` of a verb.

    Args:
        verb: the verb's name.
        taken: names of its options beyond COMMON.
        argv: the arguments.
        verbs_with: returns the verbs that have an option, to name them if an option belongs to another verb.
        command: the command that followed the arguments; None for a verb that takes none.

    Returns:
        A value for each of OPTIONS, `verb`, `command`, and `ignored`, the flags of kubectl that change nothing.

    Raises:
        UsageError: an argument does not belong to the verb, or its value is wrong.
    """
    words = " [OPTION]… [--] [COMMAND [ARGUMENT]…]" if command is not None else ""
    parser = _Parser(prog=f"bazel run TARGET.{verb} --", allow_abbrev=False, usage=f"%(prog)s{words}" if words else None)
    for name in (*COMMON, *taken):
        settings = dict(OPTIONS[name])
        short = settings.pop("short", None)
        parser.add_argument(*([short] if short else []), f"--{name}", **settings)
    options, rest = parser.parse_known_args(argv)
    options.ignored, rest = _split_kubectl(verb, rest)
    if rest:
        name = rest[0].removeprefix("--").partition("=")[0]
        if rest[0].startswith("--") and (others := verbs_with(name)):
            raise UsageError(f".{verb} does not take --{name}; it belongs to .{', .'.join(others)}.")
        if rest[0].startswith("--") and verb in _KUBECTL_VERBS and (counterpart := _COUNTERPARTS.get(name)):
            raise UsageError(f".{verb} does not take kubectl's --{name}; {counterpart}.")
        raise UsageError(f".{verb} does not take {rest[0]!r}; see 'bazel run TARGET.{verb} -- --help'.")
    options.verb = verb
    options.command = list(command or ())
    for name in OPTIONS.keys() - set(COMMON) - set(taken):
        setattr(options, name.replace("-", "_"), OPTIONS[name].get("default", False))
    return options
