"""Plans the next steps of a node's provisioner: pure functions of the current claims and volumes."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

CLASS = "turnup-local"
PROVISIONER = "turnup/node-local"
# The name in volumes of older versions, which this one still deletes when their claims are gone.
_OLD_PROVISIONER = "turnup.dev/node-local"
SELECTED_NODE = "volume.kubernetes.io/selected-node"
PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"

Object = dict[str, Any]


@dataclass(frozen=True)
class Work:
    """Pending work of one node.

    Attributes:
        create: PersistentVolumes to create, each after its folder.
        delete: PersistentVolumes to delete, each after its folder.
    """

    create: list[Object]
    delete: list[Object]


def plan(claims: Iterable[Object], volumes: Iterable[Object], node: str, folder: str) -> Work:
    """Decides what a node must do.

    Args:
        claims: all PersistentVolumeClaims of the cluster.
        volumes: all PersistentVolumes of the cluster.
        node: the name of this node.
        folder: absolute path of the folder on the node that contains one folder per volume.

    Returns:
        The volumes to create and to delete on this node.
    """
    ours = [volume for volume in volumes if _annotation(volume, PROVISIONED_BY) in (PROVISIONER, _OLD_PROVISIONER)]
    existing = {volume["metadata"]["name"] for volume in ours}
    create = [volume_for(claim, node, folder) for claim in claims if _waits_for(claim, node) and volume_name(claim) not in existing]
    delete = [volume for volume in ours if _is_released(volume) and node_of(volume) == node]
    return Work(create, delete)


def volume_name(claim: Object) -> str:
    """Returns the name of a claim's volume, which depends only on the claim's UID."""
    return f"pvc-{claim['metadata']['uid']}"


def volume_for(claim: Object, node: str, folder: str) -> Object:
    """Returns the PersistentVolume for a claim: a folder on the node, bound to the claim.

    Args:
        claim: the PersistentVolumeClaim.
        node: the name of the node.
        folder: as for `plan`.

    Returns:
        The PersistentVolume to create.
    """
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
    """Returns the name of the node that stores one of our volumes."""
    (term,) = volume["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"]
    node: str = term["matchExpressions"][0]["values"][0]
    return node


def _annotation(obj: Object, key: str) -> str:
    annotations: dict[str, str] = obj["metadata"].get("annotations") or {}
    return annotations.get(key, "")


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
    return bool(volume.get("status", {}).get("phase") == "Released" and volume["spec"].get("persistentVolumeReclaimPolicy") == "Delete")
