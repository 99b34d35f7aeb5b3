"""Tests of masking Secrets and of rendering objects."""

from __future__ import annotations

import base64
from typing import Any

from rules.k8s.testing.plans import config_map
from rules.k8s.tools.masking.mask import Redactor, mask_object, mask_pair
from rules.k8s.tools.objects.yaml_documents import to_yaml
from rules.k8s.tools.output.render import describe, diff_objects


def secret(**values: str) -> dict[str, Any]:
    """Returns a Secret with values in base64 and in kubectl's annotation."""
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "data": data,
        "metadata": {"name": "s", "annotations": {"kubectl.kubernetes.io/last-applied-configuration": str(data)}},
    }


def test_every_value_is_masked():
    """Data, stringData and the last-applied annotation of a Secret are masked; the original is not changed."""
    original = {**secret(password="canary"), "stringData": {"token": "canary"}}
    masked = str(mask_object(original))

    assert "canary" not in masked and base64.b64encode(b"canary").decode() not in masked
    assert original["stringData"] == {"token": "canary"}


def test_other_objects_are_not_masked():
    """A ConfigMap is printed as it is."""
    assert mask_object(config_map("a", password="open")) == config_map("a", password="open")


def test_pair_shows_what_changed_only():
    """An equal value looks equal and a changed value changed; neither shows its length."""
    before, after = mask_pair(secret(same="x", changed="short"), secret(same="x", changed="much longer", new="y"))

    assert before["data"] == {"same": "***", "changed": "*** (before)"}
    assert after["data"] == {"same": "***", "changed": "*** (after)", "new": "***"}


def test_malformed_secret_is_masked_as_far_as_it_goes():
    """A Secret without data, or with data that is not a mapping, can be masked."""
    for data in (None, "text", []):
        obj = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": data}
        assert mask_object(obj)["metadata"] == {"name": "s"}


def test_redactor_knows_both_forms():
    """A value is masked in a text as it is and in base64; a value that is too short to be recognized stays."""
    redact = Redactor()
    redact.learn([secret(password="canary", tiny="a"), {"apiVersion": "v1", "kind": "Secret", "metadata": {}, "stringData": {"t": "second"}}])

    assert redact(f"canary {base64.b64encode(b'canary').decode()} second {base64.b64encode(b'second').decode()} a") == "*** *** *** *** a"


def test_yaml_starts_with_what_it_is():
    """A manifest starts with apiVersion, kind and metadata, documents are separated, and the result parses to the same objects."""
    import yaml

    objects = [{"data": {"k": "v"}, "metadata": {"name": "a"}, "kind": "ConfigMap", "apiVersion": "v1"}, config_map("b", key="ü: 'x'\n")]
    text = "---\n".join(to_yaml(mask_object(obj)) for obj in objects)

    assert text.startswith("apiVersion: v1\nkind: ConfigMap\nmetadata:\n")
    assert list(yaml.safe_load_all(text)) == objects


def test_diff_ignores_what_the_server_writes():
    """Status, versions and managed fields do not appear in a diff; all lines of a new object are added."""
    live = {**config_map("a", k="1"), "status": {"x": 1}}
    live["metadata"] = {**live["metadata"], "resourceVersion": "7", "managedFields": [{}], "uid": "u"}

    assert diff_objects("a", live, config_map("a", k="1")) == ""
    assert diff_objects("a", None, config_map("a", k="1")).startswith("--- live a\n+++ wanted a\n")


def test_describe_has_conditions_and_events():
    """A description names the object and lists its labels, conditions and events."""
    live = {**config_map("a"), "status": {"conditions": [{"type": "Ready", "status": "False", "reason": "Why", "message": "because"}]}}
    live["metadata"]["labels"] = {"app": "x"}
    text = describe(live, [{"type": "Warning", "reason": "Failed", "message": "two\n lines", "count": 2}])

    for line in ("Name:         a", "Namespace:    dev", "  app=x", "  Ready=False  Why  because", "  Warning Failed (x2): two lines"):
        assert line in text.splitlines()


def test_a_generated_value_is_named_as_such_once():
    """A diff names a value that an apply is about to generate; one that the cluster has is masked like any other."""
    after = secret(password="canary", other="second")
    after["metadata"]["annotations"] = {"turnup/generate": "password, other"}
    before = {**after, "data": {"password": after["data"]["password"]}}

    assert mask_pair(None, after)[1]["data"] == {"password": "generated", "other": "generated"}
    assert mask_pair(before, after)[1]["data"] == {"password": "***", "other": "generated"}
    assert mask_pair(after, after)[1]["data"] == {"password": "***", "other": "***"}
    assert mask_object(after)["data"] == {"password": "***", "other": "***"}
