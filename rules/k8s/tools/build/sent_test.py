"""Tests that what the build writes, what `.show` prints and what `.apply` sends are the same objects."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rules.k8s.testing.fixtures import as_built, fixture_sent, fixture_server, fixture_shell  # noqa: F401
from rules.k8s.testing.plans import REGISTRY, namespace
from rules.k8s.tools.build import build_tool
from rules.k8s.tools.masking.mask import mask_object
from rules.k8s.tools.objects.hashed_names import content_name
from rules.k8s.tools.objects.objects import identity
from rules.k8s.tools.objects.plan import read_plan
from rules.k8s.tools.stack.inventory import PART_OF

SETTINGS = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"a": "1"}}
KEY = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key"}, "stringData": {"k": "v"}}
POD_SPEC = {
    "containers": [{"name": "main", "image": "app@sha256:" + "a" * 64}],
    "volumes": [{"configMap": {"name": "settings"}}, {"secret": {"secretName": "key"}}, {"configMap": {"name": "by-hand"}}],
}
WEB = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {"template": {"spec": POD_SPEC}}}


_VERSION = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}}


def definition(kind: str, scope: str) -> dict[str, Any]:
    """Returns the definition of a kind in the group example.com."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.lower()}s.example.com"},
        "spec": {"group": "example.com", "scope": scope, "names": {"kind": kind, "plural": f"{kind.lower()}s"}, "versions": [_VERSION]},
    }


def custom(kind: str, **meta: str) -> dict[str, Any]:
    """Returns an object of the group example.com."""
    return {"apiVersion": "example.com/v1", "kind": kind, "metadata": {"name": "x", **meta}}


def run(*arguments: str) -> None:
    """Runs a build action that must succeed."""
    assert build_tool.run(arguments) == 0


class Closure:
    """Several targets as Bazel builds them, from manifests to the plan of a verb.

    Args:
        folder: the runfiles tree.
    """

    def __init__(self, folder: Path):
        self.root = folder / "turnup"
        self.root.mkdir(parents=True)
        self.labels: list[str] = []

    def add(self, name: str, *objects: dict[str, Any], target_namespace: str = "") -> None:
        """Builds a target //NAME:x of some manifests."""
        label, files = f"//{name}:x", {part: str(self.root / f"{name}.{part}.json") for part in ("manifests", "objects", "resolved")}
        Path(files["manifests"]).write_text(json.dumps(objects))
        run("normalize", f"--label={label}", "--context=turnup-test", f"--namespace={target_namespace}", f"--output={files['objects']}", files["manifests"])
        run("resolve", f"--input={files['objects']}", f"--output={files['resolved']}")
        self.labels.append(label)

    def build(self) -> str:
        """Builds the closure; returns the plan's path relative to the runfiles."""
        names = [label.strip("/").removesuffix(":x") for label in self.labels]
        checked, overrides = str(self.root / "c.json"), str(self.root / "o.json")
        run(
            "closure",
            "--label=//svc:all",
            f"--output={checked}",
            *(f"--entry={json.dumps([f'//{name}:x', str(self.root / f'{name}.objects.json'), ''])}" for name in names),
        )
        run(
            "override",
            "--label=//svc:all",
            f"--checked={checked}",
            f"--output={overrides}",
            *(f"--entry={json.dumps([f'//{name}:x', str(self.root / f'{name}.resolved.json')])}" for name in names),
        )
        lines: list[dict[str, Any]] = [{"type": "plan", "label": "//svc:all", "workspace": "turnup", "registry": REGISTRY, "overrides": "o.json"}]
        lines += [
            {"type": "object", "label": f"//{name}:x", "document": f"{name}.resolved.json", "service": "", "deps": [], "kubeconfig": ""} for name in names
        ]
        (self.root / "plan.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        return "turnup/plan.jsonl"

    def changed(self) -> list[tuple[str, str]]:
        """Returns target and kind of the objects that the closure has copies of."""
        return [(each["target"], each["object"]["kind"]) for each in json.loads((self.root / "o.json").read_text())["objects"]]


@pytest.fixture(name="closure")
def fixture_closure(shell):
    """An empty closure in the shell's runfiles."""
    return Closure(Path(shell.environ["RUNFILES_DIR"]))


def test_what_show_prints_is_what_apply_sends(shell, server, closure, sent):
    """Names across targets, the default namespace and the scope of custom resources are in the plan; an apply adds one label."""
    for name in ("default", "jane"):
        server.put(namespace(name))
    server.kinds += [("example.com/v1", "Zone", "zones", False), ("example.com/v1", "Note", "notes", True), ("example.com/v1", "Other", "others", True)]
    closure.add("a", SETTINGS, KEY, definition("Zone", "Cluster"), definition("Note", "Namespaced"))
    closure.add("b", WEB, custom("Note"))
    closure.add("c", custom("Zone"), {**WEB, "metadata": {"name": "other"}}, target_namespace="jane")
    shell.plan = closure.build()

    planned = read_plan(closure.root / "plan.jsonl", closure.root.parent).objects
    shown = [event["manifest"] for event in shell.events("show") if event["event"] == "manifest"]
    assert shown == [mask_object(obj) for obj in planned]
    assert shell.run("apply") == 0, shell.err
    assert as_built(sent) == {identity(obj): obj for obj in planned}
    assert all(obj["metadata"]["labels"][PART_OF] for obj in sent)


def test_a_reference_across_targets_is_resolved_by_the_build(closure):
    """Only the objects that refer to another target's configuration are copied; other references and other namespaces stay."""
    closure.add("a", SETTINGS, KEY)
    closure.add("b", WEB, {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}})
    closure.add("c", WEB, target_namespace="jane")
    closure.build()
    objects = read_plan(closure.root / "plan.jsonl", closure.root.parent).objects

    assert closure.changed() == [("//b:x", "Deployment")]
    settings, key, web, _, other = objects
    volumes = web["spec"]["template"]["spec"]["volumes"]
    assert [volumes[0]["configMap"]["name"], volumes[1]["secret"]["secretName"]] == [settings["metadata"]["name"], key["metadata"]["name"]]
    assert volumes[2] == {"configMap": {"name": "by-hand"}} and other["spec"]["template"]["spec"] == POD_SPEC


def test_a_closure_without_references_across_targets_copies_nothing(closure):
    """The closure of targets that use only their own configuration shares every resolved document."""
    closure.add("a", SETTINGS, KEY, WEB)
    closure.add("b", {**SETTINGS, "metadata": {"name": "more"}})
    closure.build()

    assert closure.changed() == []


@pytest.mark.parametrize(
    ("obj", "found"),
    [
        (SETTINGS, "default"),
        (WEB, "default"),
        (definition("Zone", "Cluster"), None),
        # Only the API server knows.
        (custom("Other"), None),
    ],
)
def test_the_default_namespace_is_in_the_resolved_document(closure, obj, found):
    """An object of a namespaced kind that names no namespace, in a target without one, is in `default` before a cluster is asked."""
    closure.add("a", obj)

    resolved = json.loads((closure.root / "a.resolved.json").read_text())
    assert resolved["objects"][0]["metadata"].get("namespace") == found
    assert resolved["named_namespaces"] == []


@pytest.mark.parametrize("together", [True, False])
def test_a_definition_in_the_closure_tells_the_scope(closure, together):
    """The definition may be in the custom resource's own target or in another one."""
    definitions, objects = [definition("Zone", "Cluster"), definition("Note", "Namespaced")], [custom("Zone", namespace="jane"), custom("Note")]
    closure.add("a", *definitions, *(objects if together else ()))
    if not together:
        closure.add("b", *objects)
    closure.build()

    zone, note = read_plan(closure.root / "plan.jsonl", closure.root.parent).objects[2:]
    assert "namespace" not in zone["metadata"] and note["metadata"]["namespace"] == "default"


def test_the_hash_of_a_secret_does_not_depend_on_the_default_namespace(closure):
    """A Secret that names no namespace has the name that it had before the build wrote `default` into it."""
    closure.add("a", KEY)

    (secret,) = json.loads((closure.root / "a.resolved.json").read_text())["objects"]
    assert secret["metadata"]["name"] == content_name(KEY) and secret["metadata"]["namespace"] == "default"
