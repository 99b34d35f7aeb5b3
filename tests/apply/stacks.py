"""Stacks of ten services for tests: plans, live objects, and applies as processes."""

from __future__ import annotations

import base64
import json
import os
import re
import zlib
from collections.abc import Iterable
from typing import Any

from rules.k8s.testing.plans import config_map, deployment, document
from rules.k8s.testing.real_server import CONTEXT, RealServer
from rules.k8s.testing.shell import LABEL, Shell
from rules.k8s.tools.api.client import Client
from rules.k8s.tools.errors import ApiError
from rules.k8s.tools.kubeconfig.kubeconfig import load
from rules.k8s.tools.objects.hashed_names import hash_names
from rules.k8s.tools.objects.objects import Identity, group_of
from rules.k8s.tools.stack.history import TYPE as REVISION
from rules.k8s.tools.stack.inventory import applyset_id, parent_name
from rules.k8s.tools.stack.members import unpack

IMAGE = "registry.example/app@sha256:"
# Metadata fields that the server sets.
_GENERATED = ("uid", "resourceVersion", "creationTimestamp", "generation")
DEPS = {
    "redis": (),
    "queue": (),
    "users": ("redis",),
    "stock": ("redis",),
    "mail": ("queue",),
    "orders": ("users", "stock", "queue"),
    "search": ("stock",),
    "prices": ("stock",),
    "shop": ("orders", "prices"),
    "admin": ("users", "orders"),
    "web": ("shop", "admin"),
}
"""The services of both versions of the stack, and what each depends on."""

KILLER = """
import itertools, os, signal, threading, time
from rules.k8s.tools.api.client import Client
counter, request = itertools.count(1), Client.request
def kill():
    time.sleep({delay})
    os.kill(os.getpid(), signal.SIGKILL)
def counted(self, *arguments, **options):
    if next(counter) == {point}:
        threading.Thread(target=kill).start() if {delay} else kill()
    return request(self, *arguments, **options)
Client.request = counted
"""
"""Python code that runs before a verb: it kills the process the seconds `delay` after its request number `point`, so that every step of
a run is tested, and not only its start."""


def number(name: str, short: int, long: int) -> int:
    """Returns the number of repetitions: $NAME, or the default of the short or the long form ($FORM is `long`)."""
    return int(os.environ.get(name) or (long if os.environ.get("FORM") == "long" else short))


def admin(server: RealServer) -> Client:
    """Returns a client with all rights, which bypasses the engine."""
    return Client(load(server.kubeconfig, CONTEXT))


def placed(obj: dict[str, Any], place: str) -> dict[str, Any]:
    """Returns an object moved to a namespace."""
    return {**obj, "metadata": {**obj["metadata"], "namespace": place}}


def make_namespace(client: Client, name: str) -> None:
    """Creates a namespace that does not belong to the stack."""
    client.request("POST", "/api/v1/namespaces", body={"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})


def maps(client: Client, place: str) -> dict[str, dict[str, Any]]:
    """Returns the ConfigMaps of a namespace by name, without inventories."""
    found = client.request("GET", f"/api/v1/namespaces/{place}/configmaps")[1]["items"]
    return {obj["metadata"]["name"]: obj for obj in found if not obj["metadata"]["name"].startswith(("turnup-", "kube-root"))}


def make_maps(shell: Shell, place: str, *names: str) -> None:
    """Writes the plan of one target with ConfigMaps of the given names."""
    shell.make_targets(document("//svc:dev", [config_map(name, place, key="1") for name in names], namespace=place))


def definition(kind: str, group: str = "tests.example.com") -> dict[str, Any]:
    """Returns a CustomResourceDefinition of a namespaced kind without a schema."""
    plural = kind.lower() + "s"
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": kind, "listKind": f"{kind}List", "plural": plural, "singular": kind.lower()},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
        },
    }


def custom(kind: str, name: str, place: str, size: int = 1) -> dict[str, Any]:
    """Returns a custom resource of the kind of `definition`."""
    return {"apiVersion": "tests.example.com/v1", "kind": kind, "metadata": {"name": name, "namespace": place}, "spec": {"size": size}}


def service_objects(name: str, place: str, value: str, image: str) -> list[dict[str, Any]]:
    """Returns one service: a Deployment, its Service, its ConfigMap and Secret with content-hashed names."""
    main = deployment(name, image=IMAGE + image * 64)
    pod = main["spec"]["template"]["spec"]
    pod["containers"][0]["envFrom"] = [{"configMapRef": {"name": f"{name}-settings"}}, {"secretRef": {"name": f"{name}-key"}}]
    port = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"clusterIP": "None", "selector": {"app": name}, "ports": [{"name": "main", "port": 80, "protocol": "TCP"}]},
    }
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": f"{name}-key"}, "stringData": {"key": f"key of {name}"}}
    return hash_names([placed(obj, place) for obj in (main, port, config_map(f"{name}-settings", value=value), secret)])


def make_stack(shell: Shell, place: str, version: int) -> None:
    """Writes the plan of a stack of ten services.

    The second version has other settings for three services, another image for one, one service less, one more, and one
    object less in a service that stays.
    """
    names = [name for name in DEPS if name != ("search" if version == 1 else "mail")]
    labels = {name: f"//{name}:dev" for name in names}
    documents = []
    for name in names:
        changed = version == 2 and name in ("users", "orders", "web")
        objects = service_objects(name, place, "2" if changed else "1", "b" if version == 2 and name == "stock" else "a")
        if version == 1 and name == "prices":
            objects.append(config_map("leftover", place, key="1"))
        documents.append(document(labels[name], objects, namespace=place))
    shell.make_targets(
        *documents,
        services={label: name for name, label in labels.items()},
        deps={labels[name]: [labels[dep] for dep in DEPS[name] if dep in labels] for name in names},
    )


def live_objects(client: Client, places: Iterable[str]) -> dict[Identity, dict[str, Any]]:
    """Returns all objects of the given namespaces, as the server has them."""
    found: dict[Identity, dict[str, Any]] = {}
    versions = [("/api/v1", "v1")]
    for group in client.request("GET", "/apis")[1]["groups"]:
        version = group["preferredVersion"]["groupVersion"]
        versions.append((f"/apis/{version}", version))
    for root, version in versions:
        for resource in client.request("GET", root)[1]["resources"]:
            if not resource["namespaced"] or "/" in resource["name"] or "list" not in resource["verbs"] or resource["kind"] == "Event":
                continue
            for place in places:
                for obj in client.request("GET", f"{root}/namespaces/{place}/{resource['name']}")[1]["items"]:
                    identity = Identity(group_of(version), resource["kind"], place, obj["metadata"]["name"])
                    found[identity] = {"apiVersion": version, "kind": resource["kind"], **obj}
    return found


def comparable(client: Client, place: str) -> dict[str, Any]:
    """Returns the live state of a stack's namespace in a form that is equal for equal stacks in two namespaces.

    It omits values that the server generates. It unpacks inventory and history, and checks the inventory's UIDs against the
    live objects.
    """
    live = live_objects(client, [place])
    own = parent_name(LABEL)
    result = {}
    for identity, obj in live.items():
        meta = {key: value for key, value in obj["metadata"].items() if key not in _GENERATED}
        meta["managedFields"] = sorted(({key: value for key, value in entry.items() if key != "time"} for entry in meta.get("managedFields") or []), key=str)
        shown = {**obj, "metadata": meta}
        if identity.kind == "Lease":
            shown = {"held by": obj["spec"].get("holderIdentity") or "nobody"}
        elif identity.kind == "ConfigMap" and identity.name == own:
            members = unpack(shown.pop("binaryData")["members"], own)
            for member in members.values():
                assert member.identity in live, f"the inventory lists {member.identity}, which is not there"
                assert member.uid == live[member.identity]["metadata"]["uid"], f"the inventory has another UID of {member.identity}"
            shown["members"] = sorted([*map(str, (member.identity, member.target, member.base, member.present, member.labeled))] for member in members.values())
        elif identity.kind == "Secret" and obj.get("type") == REVISION:
            shown["content"] = json.loads(zlib.decompress(base64.b64decode(shown.pop("data")["revision"])))
            meta["annotations"].pop("turnup/digest")
        result[str(identity)] = shown
    text = json.dumps(result, sort_keys=True).replace(applyset_id(own, place), "OWN-SET").replace(place, "OWN-PLACE")
    # The hash in a Secret's name is salted with its namespace.
    return dict(json.loads(re.sub(r"-key-[0-9a-f]{10}", "-key-OWN-HASH", text)))


def unpacked(obj: dict[str, Any]) -> str:
    """Returns an object as text, with all compressed parts decompressed."""
    text = json.dumps(obj)
    for field in ("data", "binaryData"):
        for value in (obj.get(field) or {}).values():
            try:
                text += zlib.decompress(base64.b64decode(value)).decode()
            except (ValueError, zlib.error):
                text += str(value)
    return text


def exists(client: Client, path: str) -> bool:
    """Returns whether an object exists."""
    try:
        client.request("GET", path)
    except ApiError as error:
        if error.status != 404:
            raise
        return False
    return True
