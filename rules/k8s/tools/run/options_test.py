"""Tests of kubectl's flags on the command line of a verb, where `args` of BUILD files made for rules_k8s have them."""

from __future__ import annotations

import pytest

from rules.k8s.tools.errors import UsageError
from rules.k8s.tools.run.options import parse_options


def parse(verb: str, *argv: str) -> list[str]:
    """Parses the arguments of a verb that has the option --wait; returns kubectl's flags without effect."""
    ignored: list[str] = parse_options(verb, ("wait",), list(argv), lambda _: ()).ignored
    return ignored


@pytest.mark.parametrize("verb", ["apply", "create", "delete", "describe", "diff", "replace"])
def test_flags_without_effect(verb: str) -> None:
    """The actions of rules_k8s take flags that change nothing here, in each form, beside their own options."""
    flags = ["--v=2", "--validate=false", "--record", "-v=6", "-v9", "-v", "3", "--v", "4"]
    assert parse(verb, "--v=2", "--wait=5s", *flags[1:]) == ["--v=2", "--validate=false", "--record", "-v=6", "-v9", "-v 3", "--v 4"]


@pytest.mark.parametrize(
    ("verb", "word", "message"),
    [
        ("apply", "--dry-run=client", ".apply does not take kubectl's --dry-run; run .diff, which writes nothing."),
        ("replace", "--force", ".replace does not take kubectl's --force; annotate the object with turnup/on-immutable: recreate."),
        ("delete", "--namespace=x", ".delete does not take kubectl's --namespace; set namespace of the target."),
        ("apply", "--grace-period=1", ".apply does not take '--grace-period=1'; see 'bazel run TARGET.apply -- --help'."),
        ("apply", "3", ".apply does not take '3'; see 'bazel run TARGET.apply -- --help'."),
        ("show", "--v=2", ".show does not take '--v=2'; see 'bazel run TARGET.show -- --help'."),
        ("logs", "-v", ".logs does not take '-v'; see 'bazel run TARGET.logs -- --help'."),
    ],
)
def test_other_flags(verb: str, word: str, message: str) -> None:
    """A flag with an effect is refused with what does the same here, and other verbs have no flags of kubectl."""
    with pytest.raises(UsageError) as raised:
        parse(verb, word)
    assert str(raised.value) == message
