"""Properties of pure functions over random inputs: masking, diffs and the check of a closure."""

from __future__ import annotations

import base64
import copy
import html
import json
import os
import random
import shlex
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from rules.k8s.testing.plans import config_map
from rules.k8s.tools.build.closure import Entry, check
from rules.k8s.tools.errors import TurnupError
from rules.k8s.tools.masking.mask import CUT, Redactor, mask_object
from rules.k8s.tools.objects.objects import LAST_APPLIED
from rules.k8s.tools.objects.yaml_documents import to_yaml
from rules.k8s.tools.output.render import diff_objects

_ALPHABET = "abcXYZ019 _-./:'\"\\\n\t{}[],&*#%üß中"


@pytest.fixture(name="dice")
def fixture_dice():
    """Returns a random generator with the same seed in each run; $SEED sets another."""
    return random.Random(int(os.environ.get("SEED") or 5))


def word(dice: random.Random, shortest: int = 8) -> str:
    """Returns a random text as a Secret may contain it."""
    return "".join(dice.choice(_ALPHABET) for _ in range(dice.randint(shortest, 40)))


def encoded(value: str) -> str:
    """Returns a text in base64."""
    return base64.b64encode(value.encode()).decode()


def secret(dice: random.Random) -> tuple[dict[str, Any], list[str]]:
    """Returns a random Secret, and its values."""
    plain, data = ({f"k{index}": word(dice) for index in range(dice.randint(0, 3))} for _ in range(2))
    obj: dict[str, Any] = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "annotations": {}}}
    if plain:
        obj["stringData"] = plain
    if data or not plain:
        obj["data"] = {key: encoded(value) for key, value in data.items()}
    if dice.random() < 0.5:
        obj["metadata"]["annotations"][LAST_APPLIED] = json.dumps({"data": obj.get("data"), "stringData": plain})
    return obj, [*plain.values(), *data.values()]


def forms(values: list[str]) -> list[str]:
    """Returns the forms of values in a text: as they are, in base64, and as JSON or YAML writes them."""
    written = [form for value in values for form in (value, encoded(value), json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1])]
    return [form for form in written if len(form.strip()) >= 8]


def test_what_is_printed_of_a_secret_has_no_value(dice):
    """The masked object, its YAML and the diff of two Secrets contain no value in any form."""
    for _ in range(1000):
        (before, old), (after, new) = secret(dice), secret(dice)
        original = copy.deepcopy(before)
        texts = [
            json.dumps(mask_object(before)),
            to_yaml(mask_object(before)),
            diff_objects("s", before, after),
            diff_objects("s", None, after),
            diff_objects("s", before, None),
        ]

        assert [form for form in forms(old + new) if any(form in text for text in texts)] == []
        assert before == original


def test_a_value_is_taken_out_of_any_text(dice):
    """Values of known Secrets are masked at any position of a text and in any form; the text around them stays."""
    for _ in range(1000):
        obj, values = secret(dice)
        redact = Redactor()
        redact.learn([obj])
        text = "".join(f"<{form}>" for value in values for form in (value, encoded(value), " ".join(value.split()), json.dumps(value)[1:-1]))

        told = redact(text)
        assert [form for form in forms(values) if form in told] == []
        assert redact("<before> and <after>") == "<before> and <after>"


def written(value: str) -> list[str]:
    """Returns how programs print a value: in URLs, pages, Python, Go, shells, and in hex."""
    data = value.encode()
    go = json.dumps(value, ensure_ascii=False)[1:-1]
    for letter in "&<>":
        go = go.replace(letter, f"\\u{ord(letter):04x}")
    javascript = quote(value, safe="!*'()")
    return [
        quote(value),
        quote(value, safe=""),
        quote_plus(value),
        javascript,
        quote(value, safe=";,/?:@&=+$!*'()#"),
        quote(value, safe="$&+=:@"),
        repr(value)[1:-1],
        repr(data)[2:-1],
        html.escape(value),
        html.escape(value, quote=False),
        html.escape(value).replace("&quot;", "&#34;").replace("&#x27;", "&#39;"),
        go,
        shlex.quote(value)[1:-1] if "'" in value else value,
        data.hex(),
        data.hex().upper(),
        base64.urlsafe_b64encode(data).decode(),
        encoded(value).rstrip("="),
    ]


def test_a_value_is_taken_out_as_programs_write_it(dice):
    """A value is masked if it is quoted for a URL, escaped for HTML, written as bytes of Python, JSON of Go, or hex."""
    for _ in range(300):
        obj, values = secret(dice)
        redact = Redactor()
        redact.learn([obj])
        for form in (form for value in values for form in written(value)):
            assert redact(f"<{form}>") == "<***>"


def test_a_value_is_taken_out_of_what_is_encoded_with_it(dice):
    """The masked base64 of a text around a value reveals only the characters that the value shares with the text around it."""
    for _ in range(300):
        value = word(dice)
        redact = Redactor()
        redact.learn([{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"k": value}}])
        before, after = (word(dice, 0)[: dice.randint(0, 9)] for _ in range(2))
        whole = encoded(before + value + after)
        begin, end = len(before.encode()), len((before + value).encode())

        told = redact(f"Basic {whole}")
        assert whole[-(-begin * 8 // 6) : end * 8 // 6] not in told
        assert told.startswith(f"Basic {whole[: begin * 8 // 6]}") and "***" in told


def test_a_cut_leaves_nothing_of_a_value(dice):
    """Wherever a text was cut, no recognizable part of a value remains beside the cut."""
    for _ in range(300):
        obj, values = secret(dice)
        redact = Redactor()
        redact.learn([obj])
        for value in values:
            begin = dice.randint(0, len(value) - 3)
            end = dice.randint(begin + 3, len(value))
            # Not the letters that a value is made of, of which parts of values might be.
            assert redact(f"({CUT}{value[begin:]}|)") == f"({CUT}***|)"
            assert redact(f"(|{value[:end]}{CUT})") == f"(|***{CUT})"
            assert redact(f"({CUT}{value[begin:end]}{CUT})") == f"({CUT}***{CUT})"


def test_a_diff_is_empty_just_when_nothing_differs(dice):
    """A diff has exactly the changed lines, and is empty only for equal objects."""
    for _ in range(1000):
        data = {f"k{index}": dice.choice("abc") for index in range(dice.randint(0, 6))}
        other = {key: dice.choice([value, value, "z"]) for key, value in data.items() if dice.random() < 0.9}
        before, after = config_map("a", **data), config_map("a", **other)
        text = diff_objects("a", before, after)

        assert (text == "") == (before == after)
        lines = text.splitlines()[2:]
        old, new = to_yaml(before).splitlines(), to_yaml(after).splitlines()
        assert sorted(line[1:] for line in lines if line[:1] == "-") == sorted(line for line in old if line not in new)
        assert sorted(line[1:] for line in lines if line[:1] == "+") == sorted(line for line in new if line not in old)


def test_a_closure_is_refused_just_when_its_parts_clash(dice):
    """A random closure is refused exactly if two targets have the same object, the same service name or different contexts."""
    refused = 0
    for _ in range(1000):
        entries = []
        for index in range(dice.randint(0, 4)):
            place = dice.choice(["dev", "prod"])
            objects = [config_map(f"c{number}", place) for number in dice.sample(range(12), dice.randint(0, 2))]
            document = {"environment": place, "namespace": place, "context": dice.choice(["one"] * 9 + ["two"]), "volatile": {}, "objects": objects}
            entries.append(Entry(f"//t{index}:{place}", document, dice.choice(["", "", "", "redis", "web"])))
        held = [(obj["metadata"]["namespace"], obj["metadata"]["name"]) for entry in entries for obj in entry.document["objects"]]
        services = [(entry.document["environment"], entry.service) for entry in entries if entry.service]
        contexts = {entry.document["context"] for entry in entries}
        clash = len(set(held)) < len(held) or len(set(services)) < len(services) or len(contexts) > 1

        if clash:
            refused += 1
            with pytest.raises(TurnupError, match="^//svc:dev: "):
                check(entries, "//svc:dev")
        else:
            check(entries, "//svc:dev")
    assert 100 < refused < 1000
