"""Tests of the checked-in definitions and of how they are made."""

from pathlib import Path

import jsonschema
import pytest
import yaml

from prod.crds import update

FOLDER = Path(__file__).parent

DASHBOARD = {"spec": {"instanceSelector": {"matchLabels": {"dashboards": "grafana"}}, "json": "{}"}}
MONITOR = {"spec": {"selector": {"matchLabels": {"app": "x"}}, "endpoints": [{"port": "metrics"}]}}
RULE = {"spec": {"groups": [{"name": "x", "rules": [{"alert": "Down", "expr": "up == 0"}]}]}}


def _definition(plural):
    return yaml.safe_load((FOLDER / f"{plural}.yaml").read_text())


def _schema(plural):
    (version,) = [v for v in _definition(plural)["spec"]["versions"] if v["storage"]]
    return version["schema"]["openAPIV3Schema"]


def _validate(value, plural):
    # Without a check of the schema itself: its patterns are Go's, not Python's.
    jsonschema.Draft202012Validator(_schema(plural)).validate(value)


@pytest.mark.parametrize("plural", ["prometheusrules", "servicemonitors", "grafanadashboards"])
def test_names_agree(plural):
    """File, object and resource are named alike, as the API server demands."""
    definition = _definition(plural)
    names = definition["spec"]["names"]

    assert names["plural"] == plural
    assert definition["metadata"]["name"] == f"{plural}.{definition['spec']['group']}"


@pytest.mark.parametrize(
    ("plural", "valid"),
    [("prometheusrules", RULE), ("servicemonitors", MONITOR), ("grafanadashboards", DASHBOARD)],
)
def test_objects_are_taken(plural, valid):
    """A usual object of each kind passes its schema."""
    _validate(valid, plural)


@pytest.mark.parametrize(
    ("plural", "invalid"),
    [
        ("prometheusrules", {"spec": {"groups": [{"rules": []}]}}),
        ("prometheusrules", {"spec": {"groups": "all"}}),
        ("servicemonitors", {"spec": {"endpoints": []}}),
        ("servicemonitors", {"spec": {**MONITOR["spec"], "endpoints": [{"scheme": "gopher"}]}}),
        ("grafanadashboards", {"spec": {"json": "{}"}}),
        ("grafanadashboards", {"spec": {**DASHBOARD["spec"], "json": 1}}),
    ],
)
def test_objects_are_refused(plural, invalid):
    """What lacks a mandatory field or has a wrong type or value fails its schema."""
    with pytest.raises(jsonschema.ValidationError):
        _validate(invalid, plural)


@pytest.mark.parametrize("plural", update.PLURALS)
def test_generated_files_hold_no_descriptions(plural):
    """Of the module only facts of the API are kept, and the file names its source."""
    definition = _definition(plural)

    assert update.without_descriptions(definition) == definition
    text = (FOLDER / f"{plural}.yaml").read_text()
    assert f"{update.MODULE} {update.VERSION} (Apache-2.0)" in text


def test_a_property_named_description_stays():
    """Only the text is dropped, not a field that happens to be called so."""
    schema = {
        "description": "text",
        "properties": {
            "description": {"type": "string", "description": "more text"},
            "properties": {"properties": {"description": {"type": "integer"}}},
        },
    }

    assert update.without_descriptions(schema) == {
        "properties": {
            "description": {"type": "string"},
            "properties": {"properties": {"description": {"type": "integer"}}},
        }
    }


def test_something_else_is_refused():
    """A file that holds no definition ends the update with one sentence."""
    with pytest.raises(update.UpdateError, match="expected a CustomResourceDefinition, found Pod"):
        update.reduce({"kind": "Pod"})
