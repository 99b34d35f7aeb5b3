"""Tests of the generator, the shrinker and the model themselves, without a server."""

from __future__ import annotations

import random

import pytest

from rules.k8s.tools.api.discovery import Resource
from tests.apply.generated.cases import Case, Finding, Known
from tests.apply.generated.histories import history
from tests.apply.generated.schemas import Kind
from tests.apply.generated.server_filter import drop, exists, steps_of
from tests.apply.generated.shrinking import shrink
from tests.apply.generated.stack_model import Model, Step, Wanted
from tests.apply.generated.values import Values

_QUANTITY = {"oneOf": [{"type": "string"}, {"type": "number"}]}
_SPEC = {
    "type": "object",
    "properties": {
        "size": {"$ref": "#/components/schemas/x.Quantity"},
        "mode": {"type": "string", "default": "slow"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "notes": {"type": "object", "additionalProperties": {"type": "string"}},
    },
}
KIND = Kind(
    Resource("example.com/v1", "Thing", "things", True),
    {"x.Quantity": _QUANTITY},
    {"type": "object", "properties": {"metadata": {"type": "object", "properties": {}}, "spec": _SPEC}},
)


def thing(**spec):
    """Returns an object of the kind."""
    return {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "a"}, "spec": spec}


def grown(seed, count=300):
    """Returns the specs of random objects."""
    values = Values(random.Random(seed))
    return [values.grow(KIND, thing(), 0.7)[0].get("spec") or {} for _ in range(count)]


def test_every_form_is_generated():
    """Optional fields are absent, the default, empty, null and oddly spelled."""
    specs = grown(1)
    sizes, modes = [spec.get("size", "absent") for spec in specs], [spec.get("mode", "absent") for spec in specs]
    assert {"absent", None, "0.5", 0.5} <= {value for value in sizes if not isinstance(value, (dict, list))}
    assert {"absent", "slow", "", None} <= set(modes)
    assert any(spec.get("tags") == [] for spec in specs) and any(spec.get("notes") == {} for spec in specs)
    assert any(None in (spec.get("notes") or {}).values() for spec in specs)


def test_one_seed_gives_the_same_input():
    """Objects and histories follow from the seed alone."""
    assert grown(5, 50) == grown(5, 50) != grown(6, 50)
    assert history(random.Random(7), 10, 0.5) == history(random.Random(7), 10, 0.5)


def test_a_step_survives_its_file():
    """A step that was written to a file is the same step again."""
    for step in history(random.Random(3), 20, 0.5):
        assert Step.of(step.plain()) == step


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("spec.ports[0].name", ["spec", "ports", 0, "name"]),
        ("spec.limits[0].max[cpu]", ["spec", "limits", 0, "max", "cpu"]),
        ('spec.containers[name="m"].tty', ["spec", "containers", 'name="m"', "tty"]),
    ],
)
def test_paths_of_messages(text, path):
    """The paths in the server's messages are found in objects."""
    assert steps_of(text) == path


def test_items_are_found_by_key():
    """A part of a path that names an item by its key finds the item."""
    obj = thing(items=[{"name": "l", "v": 1}, {"name": "m", "v": 2}])
    path = ["spec", "items", 'name="m"', "v"]
    assert exists(obj, path) and drop(obj, path)
    assert obj["spec"]["items"] == [{"name": "l", "v": 1}, {"name": "m"}]


def test_a_finding_is_shrunk_to_its_cause():
    """Only what the finding needs is left."""
    case = Case(KIND, [thing(size="1", mode="", tags=["a", "b", "c"], notes={"x": "1", "y": "2"})])

    def trial(cases):
        return [Finding("check", each, "") for each in cases if "b" in (each.versions[0].get("spec") or {}).get("tags", [])]

    def rename(versions, number):
        return [{**obj, "metadata": {"name": f"s-{number}"}} for obj in versions]

    found = shrink(Finding("check", case, ""), rename, lambda _: True, trial, 30)
    assert found.case.versions[0]["spec"] == {"tags": ["b"]}


def test_a_known_finding_explains_larger_ones():
    """An object that contains a known input is not a new finding; one that differs in it is."""
    known = Known(Finding("check", Case(KIND, [thing(tags=[])]), ""), 1, "")
    assert known.explains(Finding("check", Case(KIND, [thing(tags=[], mode="x")]), ""))
    assert not known.explains(Finding("check", Case(KIND, [thing(tags=["a"])]), ""))
    assert not known.explains(Finding("another", Case(KIND, [thing(tags=[])]), ""))


def test_names_in_sentences():
    """A sentence names an object by its whole name, or by that of a generation of it."""
    case = Case(KIND, [{**thing(), "metadata": {"name": "b1-5"}}])
    assert case.is_named_in("Thing b1-5: no") and case.is_named_in("Thing x/b1-5-0123456789: no")
    assert not case.is_named_in("Thing b1-55: no") and not case.is_named_in("Thing bb1-5: no")


def test_the_model_prunes_what_left():
    """A prune deletes what left and is listed: neither what is kept nor generations of what stayed."""
    model = Model()
    one = {("ConfigMap", "a"): Wanted("1", "//t:dev"), ("ConfigMap", "k"): Wanted("1", "//t:dev", keep=True), ("ConfigMap", "h-1"): Wanted("1", "//t:dev", "h")}
    model.write(one)
    two = {("ConfigMap", "h-2"): Wanted("2", "//t:dev", "h")}
    assert model.leaving(two) == {("ConfigMap", "a")}
    model.write(two)
    model.delete(two)
    assert model.live.keys() == {("ConfigMap", "k")}


def test_the_model_rolls_back():
    """A rollback deletes what the newest set added, and leaves what had left before."""
    model = Model()
    one, two = {("Service", "a"): Wanted("1", "//t:dev")}, {("Service", "b"): Wanted("1", "//t:dev")}
    for number, each in ((1, one), (2, two)):
        model.write(each)
        model.revisions[number] = each
    model.roll_back(one)
    assert model.live == one and model.listed == {("Service", "a")}
