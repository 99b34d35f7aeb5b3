"""Plans for tests, as Bazel would write them, from given objects."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

WORKSPACE = "turnup"
REGISTRY = "10.9.9.2:31000"


def config_map(name: str, namespace: str = "dev", **data: str) -> dict[str, Any]:
    """Returns a ConfigMap."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}, "data": data}


def namespace(name: str) -> dict[str, Any]:
    """Returns a Namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def deployment(name: str, image: str = "app", replicas: int = 1) -> dict[str, Any]:
    """Returns a Deployment of one container in namespace dev."""
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "dev"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": image}]}},
        },
    }


def document(label: str, objects: Iterable[dict[str, Any]], **settings: Any) -> dict[str, Any]:
    """Returns the resolved document of a target, with the owner annotation and the default namespace that the build adds."""
    from rules.k8s.tools.objects.objects import in_scope, is_cluster_scoped, named_namespaces, with_owner

    objects = list(objects)
    return {
        "label": label,
        "environment": "",
        "cluster": "",
        "context": "turnup-test",
        "user": "",
        "namespace": "dev",
        "images": {},
        "references": {},
        "missing_pins": [],
        "named_namespaces": named_namespaces(objects),
        "volatile": {},
        **settings,
        "objects": [in_scope(with_owner(obj, label), is_cluster_scoped(obj), label) for obj in objects],
    }


def write_plan(
    runfiles: Path, label: str, documents: Iterable[dict[str, Any]], *, services: dict[str, str] | None = None, deps: dict[str, list[str]] | None = None
) -> str:
    """Writes a plan and its documents into a runfiles tree.

    Args:
        runfiles: its root.
        label: the target that is run.
        documents: see `document`, dependencies first.
        services: {label: name in its service.yaml}.
        deps: {label: labels it depends on}.

    Returns:
        The plan's path relative to the runfiles, as launchers pass it.
    """
    root = runfiles / WORKSPACE
    root.mkdir(parents=True, exist_ok=True)
    lines: list[dict[str, Any]] = [{"type": "plan", "label": label, "workspace": WORKSPACE, "registry": REGISTRY, "overrides": ""}]
    for index, content in enumerate(documents):
        name = f"{index}.resolved.json"
        (root / name).write_text(json.dumps(content))
        service = (services or {}).get(content["label"], "")
        if service:
            (root / f"{index}.service.json").write_text(json.dumps({"name": service, "port": 80}))
        lines.append(
            {
                "type": "object",
                "label": content["label"],
                "document": name,
                "kubeconfig": "",
                "service": f"{index}.service.json" if service else "",
                "deps": (deps or {}).get(content["label"], []),
            }
        )
    (root / "plan.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return f"{WORKSPACE}/plan.jsonl"
