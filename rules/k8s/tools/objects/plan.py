"""plan.jsonl: what a verb of a target acts on, written by Bazel at build time.

One JSON value per line. The first is the plan itself, the others its parts:

    {"type": "plan", "label", "workspace", "registry", "overrides"}
    {"type": "object", "label", "document", "service", "deps", "kubeconfig"}
    {"type": "push", "label", "keys", "plan"}
    {"type": "preload", "label", "reference", "archive", "loader"}
    {"type": "debug_image", "plan"}

File names are relative to the workspace's folder in the runfiles tree. `document` is a normalized document, or a resolved
one for the verbs that send or show objects. `overrides` is for the latter: it has the objects that the closure sends in place
of those in its targets' documents (see build_tool.override), because only the closure knows the content-hashed names of
another target's ConfigMaps and Secrets. It is "" for other verbs and for a single k8s_object.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rules.k8s.tools.errors import TurnupError
from rules.k8s.tools.objects.objects import Object


@dataclass(frozen=True)
class Entry:
    """One k8s_object of the closure.

    Attributes:
        label: its target.
        service: the name in its service.yaml, "" if it does not belong to a service.
        deps: labels of the targets that it depends on directly.
        document: the normalized or resolved document (see build_tool).
    """

    label: str
    service: str
    deps: tuple[str, ...]
    document: dict[str, Any] = field(repr=False)

    @property
    def objects(self) -> list[Object]:
        """The Kubernetes objects of this target, in the order of its manifests."""
        objects: list[Object] = self.document["objects"]
        return objects

    @property
    def environment(self) -> str:
        """The environment that this target belongs to, "" for none."""
        environment: str = self.document["environment"]
        return environment


@dataclass(frozen=True)
class PushPlan:
    """The push plan of one target's images (see rules/image/tools/push/plan.py).

    Attributes:
        label: the target.
        keys: the keys of the images in the target's references.
        path: the plan.
        root: the folder that paths in the plan are relative to.
    """

    label: str
    keys: tuple[str, ...]
    path: Path
    root: Path


@dataclass(frozen=True)
class Preload:
    """An archive that the program `loader` puts onto the nodes as the image `reference`."""

    label: str
    reference: str
    archive: Path
    loader: Path


@dataclass(frozen=True)
class Plan:
    """A closure as one verb sees it.

    Attributes:
        label: the target that was run.
        registry: host:port of the registry of the workspace's images.
        kubeconfig: a kubeconfig that the target names; None for the user's own.
        entries: dependencies before dependents.
        push_plans: the push plans of the images that the verb may have to push.
        preloads: the archives that must be on the nodes before objects are sent.
        built: the entries of the build while a rollback applies others; () while `entries` is from the build.
        debug_image: the push plan of the image of debug containers; None for verbs that start none.
    """

    label: str
    registry: str
    kubeconfig: Path | None
    entries: tuple[Entry, ...]
    push_plans: tuple[PushPlan, ...]
    preloads: tuple[Preload, ...]
    built: tuple[Entry, ...] = ()
    debug_image: PushPlan | None = None

    @property
    def stack_entries(self) -> tuple[Entry, ...]:
        """The entries that identify the stack, regardless of what is applied to it."""
        return self.built or self.entries

    @property
    def objects(self) -> list[Object]:
        """All objects, dependencies first."""
        return [obj for entry in self.entries for obj in entry.objects]


def read_plan(path: Path, runfiles: Path) -> Plan:
    """Reads a plan and the documents that it names.

    Args:
        path: the plan.
        runfiles: root of the runfiles tree.

    Raises:
        TurnupError: a file is missing, for example because the launcher was started outside Bazel.
    """
    try:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
        head = lines[0]
        root: Path = runfiles / head["workspace"]

        def at(name: str) -> Path:
            return (root / name).resolve() if name.startswith("../") else root / name

        entries, push_plans, preloads, kubeconfigs = [], [], [], []
        debug_image = None
        seen: set[str] = set()
        overrides = _overrides(at(head["overrides"])) if head["overrides"] else {}
        for line in lines[1:]:
            if line["type"] == "object" and line["label"] not in seen:
                seen.add(line["label"])
                service = json.loads(at(line["service"]).read_text(encoding="utf-8"))["name"] if line["service"] else ""
                document = json.loads(at(line["document"]).read_text(encoding="utf-8"))
                for index, obj in overrides.get(line["label"], ()):
                    document["objects"][index] = obj
                if line["kubeconfig"]:
                    kubeconfigs.append(at(line["kubeconfig"]))
                entries.append(Entry(line["label"], service, tuple(line["deps"]), document))
            elif line["type"] == "push":
                push_plans.append(PushPlan(line["label"], tuple(line["keys"]), at(line["plan"]), runfiles))
            elif line["type"] == "preload":
                preloads.append(Preload(line["label"], line["reference"], at(line["archive"]), at(line["loader"])))
            elif line["type"] == "debug_image":
                debug_image = PushPlan(head["label"], (), at(line["plan"]), runfiles)
    except OSError as error:
        raise TurnupError(f"{error.filename} is missing from the runfiles ({error.strerror}). Start the target with 'bazel run'.") from None
    if len(set(kubeconfigs)) > 1:
        raise TurnupError(
            f"{head['label']}: its targets name the kubeconfigs {' and '.join(sorted(map(str, set(kubeconfigs))))}, "
            "but one target acts on one cluster. Split it."
        )
    kubeconfig = kubeconfigs[0] if kubeconfigs else None
    return Plan(head["label"], head["registry"], kubeconfig, tuple(entries), tuple(push_plans), tuple(preloads), debug_image=debug_image)


def _overrides(path: Path) -> dict[str, list[tuple[int, Object]]]:
    """Reads the objects that a closure changes: label of the target → (index in its document, object)."""
    found: dict[str, list[tuple[int, Object]]] = {}
    for each in json.loads(path.read_text(encoding="utf-8"))["objects"]:
        found.setdefault(each["target"], []).append((each["index"], each["object"]))
    return found
