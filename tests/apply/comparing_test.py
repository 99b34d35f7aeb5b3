"""Tests of the comparison that avoids a write, with a real API server: an apply must not change what it considers unchanged.

The short form tries 150 random changes, the long form 3,000 (//tests/long:apply_comparing_test). $CHANGES and $SEED choose.
"""

from __future__ import annotations

import copy
import os
import random
import time
from collections.abc import Callable
from typing import Any

from rules.k8s.testing.plans import config_map, deployment
from rules.k8s.tools.api.client import APPLY_PATCH, FIELD_MANAGER, Client
from rules.k8s.tools.errors import ApiError, is_schema_error
from rules.k8s.tools.preflight.comparison import is_applied
from tests.apply.stacks import IMAGE, admin, make_namespace, number, placed

CHANGES = number("CHANGES", 150, 3000)
SEED = int(os.environ.get("SEED") or time.time_ns() % 2**32)
_PLURALS = {
    "Deployment": "/apis/apps/v1",
    "ConfigMap": "/api/v1",
    "Service": "/api/v1",
    "CronJob": "/apis/batch/v1",
    "NetworkPolicy": "/apis/networking.k8s.io/v1",
}
_SCALARS = [0, 1, 2, 80, 8080, True, False, "", "a", "b", "80", "100m", "0.1", "Always", None, [], {}]


def manifests(place: str) -> list[dict[str, Any]]:
    """Returns manifests with every kind of list that server-side apply merges differently."""
    main = deployment("main", image=IMAGE + "a" * 64, replicas=2)
    pod = main["spec"]["template"]["spec"]
    pod |= {
        "volumes": [{"name": "tmp", "emptyDir": {}}, {"name": "settings", "configMap": {"name": "s", "items": [{"key": "a", "path": "b"}]}}],
        "tolerations": [{"key": "x", "operator": "Exists"}, {"operator": "Exists"}],
        "imagePullSecrets": [{"name": "one"}],
        "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}],
    }
    pod["containers"][0] |= {
        "args": ["x", "y", "x"],
        "ports": [{"containerPort": 80, "name": "main"}, {"containerPort": 81, "protocol": "UDP"}],
        "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "$(A)"}],
        "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}},
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
        "readinessProbe": {"httpGet": {"path": "/", "port": 80}},
    }
    pod["containers"].append({"name": "side", "image": IMAGE + "b" * 64})
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "labels": {"a": "1"}},
        "spec": {"selector": {"app": "web"}, "ports": [{"name": "a", "port": 80, "targetPort": "main"}, {"name": "b", "port": 81, "protocol": "UDP"}]},
    }
    job = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "tick"},
        "spec": {
            "schedule": "* * * * *",
            "jobTemplate": {
                "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": IMAGE + "a" * 64, "command": ["true"]}]}}}
            },
        },
    }
    policy = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "few"},
        "spec": {
            "podSelector": {"matchLabels": {"app": "web"}},
            "policyTypes": ["Ingress"],
            "ingress": [{"from": [{"podSelector": {}}], "ports": [{"port": 80}, {"port": "main", "protocol": "TCP"}]}],
        },
    }
    return [placed(obj, place) for obj in (main, service, config_map("s", place, a="1", b=""), job, policy)]


def places_in(value: Any) -> list[tuple[Any, Any]]:
    """Returns every (container, key) in a value."""
    keys: list[Any] = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    return [place for key in keys for place in [(value, key), *places_in(value[key])]]


def change(obj: dict[str, Any], dice: random.Random) -> dict[str, Any]:
    """Returns an object with one random change: a part is removed, replaced, repeated or moved, or nothing changes."""
    obj = copy.deepcopy(obj)
    parts = [obj[key] for key in ("spec", "data") if key in obj] + [obj["metadata"].setdefault("labels", {"l": "1"})]
    container, key = dice.choice([place for part in parts for place in places_in(part)])

    def swap() -> None:
        if isinstance(container, list):
            dice.shuffle(container)

    acts: list[Callable[[], Any]] = [
        lambda: container.pop(key),
        lambda: container.__setitem__(key, dice.choice(_SCALARS)),
        swap,
        lambda: None,
        lambda: container.append(copy.deepcopy(container[key])) if isinstance(container, list) else container.__setitem__("more", dice.choice(_SCALARS)),
        lambda: container.__setitem__(key, str(container[key])),
        lambda: container.__setitem__(key, container[key] + 1 if isinstance(container[key], int) else "z"),
    ]
    dice.choice(acts)()
    return obj


def content(obj: dict[str, Any]) -> dict[str, Any]:
    """Returns an object without the fields that every write changes."""
    meta = {key: value for key, value in obj["metadata"].items() if key not in ("resourceVersion", "generation")}
    meta["managedFields"] = [{key: value for key, value in entry.items() if key != "time"} for entry in meta["managedFields"]]
    return {**obj, "metadata": meta}


class Asked:
    """Client of one object on the server."""

    def __init__(self, client: Client, obj: dict[str, Any]):
        self._client = client
        meta = obj["metadata"]
        plural = "networkpolicies" if obj["kind"] == "NetworkPolicy" else obj["kind"].lower() + "s"
        self._path = f"{_PLURALS[obj['kind']]}/namespaces/{meta['namespace']}/{plural}/{meta['name']}"

    def live(self) -> dict[str, Any]:
        """Returns the live object."""
        return dict(self._client.request("GET", self._path)[1])

    def apply(self, obj: dict[str, Any], *, dry: bool = False, manager: str = FIELD_MANAGER) -> dict[str, Any] | None:
        """Returns the result of an apply; None if the server rejects it."""
        try:
            return dict(
                self._client.request(
                    "PATCH", self._path, body=obj, content_type=APPLY_PATCH, query={"fieldManager": manager, "force": "true", "dryRun": "All" if dry else None}
                )[1]
            )
        except ApiError as error:
            if error.status >= 500 and not is_schema_error(error.message):
                raise
            return None


def test_what_is_called_applied_is_not_changed_by_an_apply(server, place):
    """For random changes of manifest and live object, a change is never considered unchanged."""
    client, dice = admin(server), random.Random(SEED)
    make_namespace(client, place)
    print(f"SEED={SEED} CHANGES={CHANGES}", flush=True)
    same = different = 0
    for _turn in range(CHANGES):
        first = dice.choice(manifests(place))
        asked = Asked(client, first)
        assert asked.apply(first), first
        wanted = first
        if dice.random() < 0.7:
            wanted = change(first, dice)
        else:  # Another client changes the live object.
            asked.apply(change(first, dice), manager="somebody")
        live, dry = asked.live(), asked.apply(wanted, dry=True)
        unchanged = dry is not None and content(dry) == content(live)
        if is_applied(wanted, live):
            assert unchanged, f"taken for applied: {wanted}\nlive: {live}"
            same += 1
        different += not unchanged
        client.request("DELETE", asked._path)
    print(f"{same} known to be applied without asking, {different} changed or refused", flush=True)
    assert same and different
