"""Tests of what the build refuses, leaves out or rewrites so that a second apply has nothing to write."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from rules.k8s.tools.build import build_tool


def build(folder: Path, text: str, name: str = "manifest.yaml") -> tuple[list[dict[str, Any]], str]:
    """Builds one manifest file; returns the resolved objects and the error."""
    manifest, normalized, resolved = (folder / each for each in (name, "objects.json", "resolved.json"))
    manifest.write_text(text, encoding="utf-8")
    said = io.StringIO()
    arguments = ["normalize", "--label=//svc:dev", "--context=c", "--namespace=dev", "--stable-names", f"--output={normalized}", str(manifest)]
    if build_tool.run(arguments, said) or build_tool.run(["resolve", f"--input={normalized}", f"--output={resolved}"], said):
        return [], said.getvalue()
    return list(json.loads(resolved.read_text(encoding="utf-8"))["objects"]), ""


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("metadata: {name: exp, uid: 0e1d8f2a-0000-4000-8000-000000000001}", "metadata.uid belongs"),
        ('metadata: {name: exp, resourceVersion: "12345"}', "metadata.resourceVersion belongs"),
        ("metadata: {name: exp, resourceVersion: ''}", "metadata.resourceVersion belongs"),
        ("metadata: {name: exp, ownerReferences: [{kind: ConfigMap, name: zz, uid: u}]}", "metadata.ownerReferences belongs"),
        ("metadata: {name: exp, generation: 3, selfLink: /x}\nstatus: {x: 1}", "metadata.generation, metadata.selfLink and status belong"),
    ],
)
def test_exported_objects_are_refused(tmp_path, text, field):
    """A field of the API server is refused with the target, the object and the field."""
    objects, error = build(tmp_path, f"apiVersion: v1\nkind: Service\n{text}\nspec: {{ports: [{{port: 80}}]}}\n")
    assert not objects and error.startswith(f"ERROR: //svc:dev: Service exp: {field} to the API server"), error


def test_nulls_and_texts_are_normalized(tmp_path):
    """Empty fields of the server and null in lists are left out, and stringData is sent as data."""
    objects, error = build(
        tmp_path,
        """
apiVersion: v1
kind: Service
metadata: {name: s, creationTimestamp: null}
spec: {ports: [{port: 80, protocol: null}]}
status: {loadBalancer: {}}
---
apiVersion: v1
kind: Secret
metadata: {name: x}
stringData: {a: b}
""",
    )
    assert not error
    service, secret = objects
    assert (service["spec"], "status" in service, "creationTimestamp" in service["metadata"]) == ({"ports": [{"port": 80}]}, False, False)
    assert secret["data"] == {"a": "Yg=="} and "stringData" not in secret


@pytest.mark.parametrize("name", ["manifest.yaml", "manifest.json"])
def test_pairs_of_escapes_are_one_character(tmp_path, name):
    """JSON with two escapes for one character is read as JSON, also from a .yaml file."""
    objects, error = build(tmp_path, '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"emo"},"data":{"a":"\\ud83d\\ude00"}}', name)
    assert not error and objects[0]["data"] == {"a": "\U0001f600"}


def test_half_a_character_is_one_sentence(tmp_path):
    """One escape of a pair alone cannot be sent; the error names the file and the escape."""
    objects, error = build(tmp_path, '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"emo"},"data":{"a":"\\ud83d"}}', "manifest.json")
    assert not objects and "manifest.json:1:77: a text contains the escape \\ud83d alone" in error and "Write both halves" in error
