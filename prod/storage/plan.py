"""What a node's provisioner must do next: pure functions of the claims and volumes that there are."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

CLASS = "turnup-local"
PROVISIONER = "turnup.dev/node-local"
SELECTED_NODE = "volume.kubernetes.io/selected-node"
PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"

Object = dict[str, Any]


@dataclass(frozen=True)
class Work:
    """What is to be done on one node.

    Attributes:
        make: volumes to create, each after its folder.
        remove: volumes to delete, each after its folder.
    """

    make: list[Object]
    remove: list[Object]


def plan(claims: Iterable[Object], volumes: Iterable[Object], node: str, folder: str) -> Work:
    """Decides on a node's work.

    Args:
        claims: all PersistentVolumeClaims.
        volumes: all PersistentVolumes.
        node: this node's name.
        folder: where volumes' folders lie on the node.
    """
    ours = [volume for volume in volumes if _annotation(volume, PROVISIONED_BY) == PROVISIONER]
    there = {volume["metadata"]["name"] for volume in ours}
    make = [
        volume_for(claim, node, folder)
        for claim in claims
        if _waits_for(claim, node) and volume_name(claim) not in there
    ]
    remove = [volume for volume in ours if _is_released(volume) and node_of(volume) == node]
    return Work(make, remove)


def volume_name(claim: Object) -> str:
    """The name of a claim's volume, the same whoever asks and however often."""
    return f"pvc-{claim['metadata']['uid']}"


def volume_for(claim: Object, node: str, folder: str) -> Object:
    """Returns the PersistentVolume for a claim: a folder of the node, bound to the claim."""
    metadata, spec = claim["metadata"], claim["spec"]
    name = volume_name(claim)
    on_node = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name, "annotations": {PROVISIONED_BY: PROVISIONER}},
        "spec": {
            "accessModes": spec["accessModes"],
            "capacity": {"storage": spec["resources"]["requests"]["storage"]},
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "namespace": metadata["namespace"],
                "name": metadata["name"],
                "uid": metadata["uid"],
            },
            "local": {"path": f"{folder}/{name}"},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [on_node]}]}},
            "persistentVolumeReclaimPolicy": "Delete",
            "storageClassName": CLASS,
            "volumeMode": "Filesystem",
        },
    }


def node_of(volume: Object) -> str:
    """Returns the node that a volume of ours lies on."""
    (term,) = volume["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"]
    return term["matchExpressions"][0]["values"][0]


def _annotation(obj: Object, key: str) -> str:
    return (obj["metadata"].get("annotations") or {}).get(key, "")


def _waits_for(claim: Object, node: str) -> bool:
    spec = claim["spec"]
    return (
        claim.get("status", {}).get("phase") == "Pending"
        and spec.get("storageClassName") == CLASS
        and spec.get("volumeMode", "Filesystem") == "Filesystem"
        and _annotation(claim, SELECTED_NODE) == node
        and "deletionTimestamp" not in claim["metadata"]
    )


def _is_released(volume: Object) -> bool:
    return (
        volume.get("status", {}).get("phase") == "Released"
        and volume["spec"].get("persistentVolumeReclaimPolicy") == "Delete"
    )
