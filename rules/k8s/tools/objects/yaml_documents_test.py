"""Tests of the YAML and JSON that manifests are read from."""

from __future__ import annotations

import time
from typing import Any

import pytest

from rules.k8s.tools.errors import TurnupError
from rules.k8s.tools.objects.json_documents import load_json
from rules.k8s.tools.objects.yaml_documents import load_yaml_documents, to_yaml


def read(text: str) -> Any:
    """Reads one YAML document."""
    (document,) = load_yaml_documents(text, "m.yaml")
    return document


@pytest.mark.parametrize("text", ["22:30", "10:00", "12:15:30", "1:30.5", "-1:30", "190:20:30"])
def test_base_60_is_text(text):
    """A time without quotes is text, as value, in lists and as key, integers and floats alike."""
    assert read(f"{{a: {text}, b: [{text}], {text}: c}}") == {"a": text, "b": [text], text: "c"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e3", 1000), ("1E+3", 1000), ("0o644", 420), ("0644", 420), ("0x1F", 31), ("0b101", 5), ("1_000", 1000), ("1.0", 1), ("1.50", 1.5),
        ("08", 8), (".5", 0.5), ("y", True), ("Off", False), ("~", None), ("1e999", "1e999"), ("v1", "v1"), ("9" * 5000, "9" * 5000),
        ("18446744073709551615", 18446744073709551615), ("0x10000000000000000", "0x10000000000000000"),
    ],
)  # fmt: skip
def test_scalars_are_what_kubectl_reads(text, value):
    """Numbers, truth values and null are read by the rules of kubectl's library, with their types."""
    found = read(f"a: {text}")["a"]

    assert found == value and type(found) is type(value)


def test_keys_are_text():
    """Numbers and truth values as keys are text, as Go writes them; so they sort with other keys."""
    document = read('{9000: a, proxy: b, true: c, no: d, 1.5: e, 1e6: f, 0x1F: g, "8080": h, -.inf: i}')

    assert sorted(document) == ["-.inf", "1.5", "1e+06", "31", "8080", "9000", "false", "proxy", "true"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\n~: b\n", "m.yaml:2:1: a key is null, which JSON cannot express. Write the key in quotes."),
        ("18446744073709551615: b\n", "m.yaml:1:1: a key is 18446744073709551615, which JSON cannot express"),
        ("? [a]\n: b\n", "m.yaml:1:3: a key is a list or a mapping, which JSON cannot express"),
        ("x: &a [b]\n? *a\n: c\n", "m.yaml:2:3: a key is a list or a mapping"),
        ('1: a\n"1": b\n', "m.yaml:2: the key '1' appears twice in one mapping. Keep one."),
        ("true: a\nyes: b\n", "m.yaml:2: the key 'true' appears twice in one mapping. Keep one."),
        ("a: !!int x\n", "m.yaml:1:4: the value 'x' is not of the type of its tag !!int. Correct the value, or remove the tag."),
        ("a: !Ref b\n", "m.yaml:1:4: the value has the tag !Ref, which JSON cannot express. Write it as text."),
        ("a: !!set {b}\n", "m.yaml:1:4: the value has the tag !!set, which JSON cannot express"),
        ("a: -.inf\n", "m.yaml:1:4: the value is -.inf, which JSON cannot express. Write it as text."),
        ("a: *b\n", "m.yaml:1:4: the text is not YAML (found undefined alias 'b'). Correct it."),
        ("<<: b\n", "m.yaml:1:5: << does not stand before a mapping or a list of mappings. Correct it."),
        ("a: b\nc: x\x08y\n", "m.yaml:2:5: the text contains the control character U+0008, which YAML does not allow. Remove it, or write it as an escape"),
        ("# \x1b[31m\n", "m.yaml:1:3: the text contains the control character U+001B"),
        ("a: \x7f\n", "m.yaml:1:4: the text contains the control character U+007F"),
        ("a: x\ufffe\n", "m.yaml:1:5: the text contains the control character U+FFFE"),
    ],
)
def test_refuses_with_the_place(text, message):
    """What JSON lacks, and characters that YAML does not allow, are refused with the place."""
    with pytest.raises(TurnupError) as caught:
        read(text)

    assert message in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffa: 1\n---\n\ufeffb: 2\n", "\ufeffa: 1\r\n---\r\n\ufeffb: 2\r\n", "a: 1\n\ufeff---\nb: 2\n", "\ufeff---\na: 1\n--- # second\n\ufeffb: 2\n",
        "a: 1\n...\n\ufeff---\nb: 2\n",
    ],
)  # fmt: skip
def test_byte_order_marks_are_skipped(text):
    """A byte order mark at the start of any document is skipped, as files of Windows put together have it."""
    assert load_yaml_documents(text, "m.yaml") == [{"a": 1}, {"b": 2}]


def test_a_byte_order_mark_in_a_value_stays():
    """A byte order mark inside of a document belongs to its text."""
    assert read('a: "x\ufeff"\nb: |\n  \ufeff---\n') == {"a": "x\ufeff", "b": "\ufeff---\n"}


def test_merges_follow_the_order_of_the_text():
    """A merge replaces the keys before it, and the keys after it replace the merged ones, as in kubectl; the sources stay as they are."""
    document = read("base: &b {a: 1, b: 1}\nafter: {<<: *b, a: 2}\nbefore: {a: 2, <<: *b}\nlist: {<<: [{a: 3}, *b]}\nquoted: {'<<': 1}\n")

    assert document["after"] == {"a": 2, "b": 1} and document["before"] == {"a": 1, "b": 1}
    assert document["list"] == {"a": 3, "b": 1} and document["base"] == {"a": 1, "b": 1} and document["quoted"] == {"<<": 1}


def test_values_of_aliases_are_separate():
    """A change of one use of an alias does not change another."""
    document = read("a: &x {k: [1]}\nb: *x\n")
    document["b"]["k"].append(2)

    assert document == {"a": {"k": [1]}, "b": {"k": [1, 2]}}


@pytest.mark.parametrize("merge", ["", "<<: "])
def test_aliases_have_a_budget(merge):
    """Few bytes that stand for very many values are refused at once, in merges, too."""
    lines = ["a0: &a0 {k: [x,x,x,x,x,x,x,x,x]}"]
    for level in range(1, 12):
        uses = ",".join(f"k{use}: {{{merge}*a{level - 1}}}" if merge else f"k{use}: *a{level - 1}" for use in range(9))
        lines.append(f"a{level}: &a{level} {{{uses}}}")
    start = time.process_time()
    with pytest.raises(TurnupError, match=r"m\.yaml:\d+:\d+: the aliases of the document stand for \d+ values, far more than the document itself contains\."):
        read("\n".join(lines))

    assert time.process_time() - start < 0.5  # Seconds; without the budget it would not end.


def test_a_chain_of_aliases_is_not_nested_without_limit():
    """Aliases that nest one another are refused beyond the limit of levels, as brackets are."""
    text = "a0: &a0 [x]\n" + "".join(f"a{level}: &a{level} [*a{level - 1}]\n" for level in range(1, 300))
    for deep in (text, "[" * 100_000, "{a: " * 100_000):
        with pytest.raises(TurnupError, match="m.yaml: is nested more than 200 levels deep"):
            read(deep)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": "\\ud83d"}', "m.json:1:7: a text contains the escape \\ud83d alone, which is half of a character. Write both halves"),
        ('{"\\uDE00": 1}', "m.json:1:2: a text contains the escape \\ude00 alone"),
        ('[\n {"a": NaN}]', "m.json:2:8: the value is NaN, which JSON cannot express. Write it as text."),
        ("[-Infinity]", "m.json:1:2: the value is -Infinity, which JSON cannot express"),
        ("[1e999]", "m.json:1:2: the number 1e999 is too large. Write it as text."),
        (f"[{'9' * 5000}]", "m.json:1:2: the number 99999999999999999... is too large. Write it as text."),
        ('{"a": 1,\n "b": {"a": 1, "c": [{"a": ":"}, "a"], "a": 2}}', "m.json:2:40: the key 'a' appears twice in one mapping. Keep one."),
        ('{"a": 1, "\\u0061": 2}', "m.json:1:10: the key 'a' appears twice in one mapping. Keep one."),
        ('{"a": "\x08"}', "m.json:1:8: the text is not JSON (Invalid control character at). Correct it."),
        ("[" * 100_000, "m.json: is nested more than 200 levels deep"),
    ],
)
def test_json_is_strict(text, message):
    """What Python reads, and JSON is not, is refused with the place."""
    with pytest.raises(TurnupError) as caught:
        load_json(text, "m.json")

    assert message in str(caught.value)


def test_json_in_yaml_is_strict():
    """JSON with escapes that YAML lacks is read as JSON also from a .yaml file."""
    assert read('{"a": "\\ud83d\\ude00"}') == {"a": "😀"}
    with pytest.raises(TurnupError, match="m.yaml:1:2: a text contains the escape"):
        read('{"\\ud83d": 1}')
    with pytest.raises(TurnupError, match="the text is not YAML"):
        read('{a: "\\ud83d\\ude00"}')


def test_good_json_is_read():
    """Whole characters, equal keys of different objects and a byte order mark are fine."""
    assert load_json('\ufeff{"a": {"a": "\\ud83d\\ude00 \\\\ud83d"}, "b": [{"a": 1}, {"a": -1.5e3}]}', "m.json") == {
        "a": {"a": "😀 \\ud83d"},
        "b": [{"a": 1}, {"a": -1500.0}],
    }


def test_what_is_written_is_read():
    """Texts that look like other values are written so that they are read back as text."""
    texts = ["9" * 30, "-0b+1", "1e999", "Y", "off"]
    texts += ["22:30", "y", "1e3", "0o644", "08", "", "null", "=", "<<", "1_000", ".5_0", "0b+1", "2024-01-01", "+.inf", "\x08", "\ufeff", "a\nb", "-0b11"]

    assert read(to_yaml({"apiVersion": "v1", "texts": texts, "keys": dict.fromkeys(texts, 1)})) == {
        "apiVersion": "v1",
        "texts": texts,
        "keys": dict.fromkeys(texts, 1),
    }
