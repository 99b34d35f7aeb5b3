"""Tests of the checked-in definitions and of the program that updates them."""

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
    # This does not check the schema itself, because its patterns are Go regular expressions.
    jsonschema.Draft202012Validator(_schema(plural)).validate(value)


@pytest.mark.parametrize("plural", ["prometheusrules", "servicemonitors", "grafanadashboards"])
def test_names_agree(plural):
    """File, object and resource have matching names, as the API server requires."""
    definition = _definition(plural)
    names = definition["spec"]["names"]

    assert names["plural"] == plural
    assert definition["metadata"]["name"] == f"{plural}.{definition['spec']['group']}"


@pytest.mark.parametrize(
    ("plural", "valid"),
    [("prometheusrules", RULE), ("servicemonitors", MONITOR), ("grafanadashboards", DASHBOARD)],
)
def test_valid_objects_pass(plural, valid):
    """A typical object of each kind matches its schema."""
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
def test_invalid_objects_fail(plural, invalid):
    """An object with a missing field, a wrong type or a wrong value does not match its schema."""
    with pytest.raises(jsonschema.ValidationError):
        _validate(invalid, plural)


@pytest.mark.parametrize("plural", update.PLURALS)
def test_generated_files_hold_no_descriptions(plural):
    """Generated files have no descriptions and name their source."""
    definition = _definition(plural)

    assert update.strip_descriptions(definition) == definition
    text = (FOLDER / f"{plural}.yaml").read_text()
    assert f"{update.MODULE} {update.VERSION} (Apache-2.0)" in text


def test_a_property_named_description_stays():
    """A property called "description" is kept; only description texts are dropped."""
    schema = {
        "description": "text",
        "properties": {
            "description": {"type": "string", "description": "more text"},
            "properties": {"properties": {"description": {"type": "integer"}}},
        },
    }

    assert update.strip_descriptions(schema) == {
        "properties": {
            "description": {"type": "string"},
            "properties": {"properties": {"description": {"type": "integer"}}},
        }
    }


def test_another_kind_is_rejected():
    """A file without a CustomResourceDefinition raises an UpdateError that names its kind."""
    with pytest.raises(update.UpdateError, match="kind is Pod, not CustomResourceDefinition; check SOURCE in prod/crds/update.py"):
        update.reduce({"kind": "Pod"})
