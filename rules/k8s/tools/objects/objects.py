"""Kubernetes objects as data: reading them, identifying them, giving them their namespace.

Pure functions without I/O. An object is the plain dict that JSON or YAML gives; its identity is (group, kind, namespace,
name).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from rules.k8s.tools.errors import TurnupError
from rules.k8s.tools.objects.json_documents import TOO_DEEP, is_deep, load_json
from rules.k8s.tools.objects.kinds import BUILT_IN_NAMESPACED_GROUPS, CLUSTER_SCOPED, CONFIG_KINDS
from rules.k8s.tools.objects.yaml_documents import load_yaml_documents

Object = dict[str, Any]

Scopes = Mapping[tuple[str, str], bool]
"""Whether kinds of custom resources are cluster-scoped: (group, kind) → True or False."""

NO_SCOPES: Scopes = MappingProxyType({})

DEFAULT_NAMESPACE = "default"
"""Where an API server stores a namespaced object that names no namespace."""

# Names the target that an object comes from. Without it, an object whose manifest sets no field of
# its own (a bare Namespace) would carry no trace of who applied it.
OWNER_ANNOTATION = "turnup/target"
# "keep" on an object that stays on the cluster after it has left its stack.
ON_REMOVE = "turnup/on-remove"
# Where kubectl stores the whole manifest, values of Secrets included.
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

_EXAMPLE = {"apiVersion": "apps/v1", "kind": "Deployment"}
# RFC 1123.
_DNS_SUBDOMAIN_PART = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


@dataclass(frozen=True, order=True)
class Identity:
    """Identifies an object, regardless of the version of its API that it is written in.

    Attributes:
        group: API group, "" for the core group.
        kind: for example `Deployment`.
        namespace: "" for a cluster-scoped object.
        name: metadata.name.
    """

    group: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        place = f"{self.namespace}/" if self.namespace else ""
        return f"{self.kind} {place}{self.name}"


def group_of(api_version: str) -> str:
    """Returns the group part of an apiVersion: `apps` of `apps/v1`, "" of `v1`."""
    return api_version.partition("/")[0] if "/" in api_version else ""


def identity(obj: Object) -> Identity:
    """Returns the identity of an object that `check_object` has accepted."""
    meta = obj["metadata"]
    return Identity(group_of(obj["apiVersion"]), obj["kind"], meta.get("namespace") or "", meta["name"])


def is_cluster_scoped(obj: Object, scopes: Scopes = NO_SCOPES) -> bool | None:
    """Returns whether an object is cluster-scoped, as far as its kind tells.

    Args:
        obj: a checked object.
        scopes: the kinds that known CustomResourceDefinitions define (see `defined_scopes`).

    Returns:
        True or False for kinds of Kubernetes itself and those in `scopes`; None for other kinds, which only the API server knows.
    """
    group = group_of(obj["apiVersion"])
    if obj["kind"] in CLUSTER_SCOPED.get(group, ()):
        return True
    if is_built_in(obj):
        return False
    return scopes.get((group, obj["kind"]))


def is_built_in(obj: Object) -> bool:
    """Returns whether an object's API group is one of Kubernetes itself, so that its kind is not a custom resource."""
    group = group_of(obj["apiVersion"])
    return group in CLUSTER_SCOPED or group in BUILT_IN_NAMESPACED_GROUPS


def defined_scopes(objects: Iterable[Object]) -> Scopes:
    """Returns the scopes of the kinds that the CustomResourceDefinitions among some objects define.

    A definition of unexpected shape defines nothing here; the API server refuses it with a reason.
    """
    scopes = {}
    for obj in objects:
        spec = obj.get("spec") if obj["kind"] == "CustomResourceDefinition" else None
        names = spec.get("names") if isinstance(spec, dict) else None
        if isinstance(spec, dict) and isinstance(names, dict) and spec.get("scope") in ("Namespaced", "Cluster"):
            scopes[str(spec.get("group")), str(names.get("kind"))] = spec["scope"] == "Cluster"
    return scopes


def check_object(obj: Any, where: str) -> Object:
    """Checks that a value has the shape of a Kubernetes object.

    Args:
        obj: any JSON value.
        where: the place for errors, for example `server.jsonnet, field 'service'`.

    Returns:
        The object itself.

    Raises:
        TurnupError: it is not a mapping, or lacks apiVersion, kind or metadata.name.
    """
    if not isinstance(obj, dict):
        raise TurnupError(f"{where}: found {_short(obj)}, which is not a Kubernetes object. Write a mapping with apiVersion, kind and metadata.name.")
    for field in ("apiVersion", "kind"):
        if not isinstance(obj.get(field), str) or not obj[field]:
            raise TurnupError(f"{where}: {field} is {_short(obj.get(field))}. Write a non-empty string, for example {field}: {_EXAMPLE[field]}.")
    meta = obj.get("metadata")
    if not isinstance(meta, dict) or not isinstance(meta.get("name"), str) or not meta["name"]:
        found = meta.get("name") if isinstance(meta, dict) else meta
        raise TurnupError(f"{where}: metadata.name of the {obj['kind']} is {_short(found)}. Give the object a name.")
    if not isinstance(meta.get("namespace", ""), (str, type(None))):
        raise TurnupError(f"{where}: metadata.namespace of {obj['kind']} {meta['name']} is {_short(meta['namespace'])}. Write a string or remove it.")
    return obj


def check_path_names(obj: Object, where: str) -> None:
    """Checks that an object's name and namespace can be part of a request's path.

    Raises:
        TurnupError: the request would go to another path.
    """
    for name in (obj["metadata"]["name"], obj["metadata"].get("namespace") or ""):
        if name in (".", "..") or "/" in name or "%" in name:
            raise TurnupError(f"{where}: {obj['kind']} {name!r} is not a valid name of an object. Use a name without '/' and '%' that is neither '.' nor '..'.")


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."


def read_objects(text: str, path: str, name: str = "") -> list[Object]:
    """Reads every object of a manifest file.

    Args:
        text: the file's content: YAML documents, one JSON object, a JSON list of
            objects, or a JSON mapping of file stems to objects, which multi-file
            Jsonnet programs return. A list (`kind: List`, `kind: ConfigMapList`) is replaced by its items. null and {} stand
            for no object.
        path: the file's name; `.json` means JSON, anything else YAML.
        name: the file's name for errors; "" for its path.

    Returns:
        The objects in file order (a mapping of stems in the order of its keys).

    Raises:
        TurnupError: the file cannot be parsed, contains no object, or contains one of wrong shape.
    """
    name = name or path
    documents = [load_json(text, name)] if path.endswith(".json") else [doc for doc in load_yaml_documents(text, name) if doc is not None]
    objects: list[Object] = []
    for index, document in enumerate(documents):
        where = name if len(documents) == 1 else f"{name}, document {index + 1}"
        objects.extend(_flatten(document, where))
    if is_deep(objects):
        raise TurnupError(f"{name}: {TOO_DEEP}")
    if not objects:
        raise TurnupError(f"{name} contains no Kubernetes object. Write at least one.")
    return objects


def is_namespace_name(text: str) -> bool:
    """Returns whether a text is a valid name of a namespace: a DNS label (RFC 1123)."""
    return _DNS_LABEL.fullmatch(text) is not None


def is_object_name(text: str) -> bool:
    """Returns whether a text is a valid name of a ConfigMap or Secret: a DNS subdomain (RFC 1123)."""
    return len(text) <= 253 and all(_DNS_SUBDOMAIN_PART.fullmatch(part) for part in text.split("."))


def _flatten(document: Any, where: str) -> Iterator[Object]:
    """Yields the objects of a document. null and {} stand for none, so that one environment can have an object that another has not."""
    if document is None or document == {}:
        return
    if isinstance(document, list):
        for index, item in enumerate(document):
            yield from _flatten(item, f"{where}, item {index + 1}")
    elif _is_list(document):
        # Items of a list that a server returns, for example a ConfigMapList, have neither apiVersion nor kind.
        kind = document["kind"].removesuffix("List")
        common = {"apiVersion": document.get("apiVersion"), "kind": kind} if kind else {}
        for index, item in enumerate(document["items"] or []):
            yield from _flatten({**common, **item} if isinstance(item, dict) and item else item, f"{where}, item {index + 1}")
    elif isinstance(document, dict) and "kind" not in document and "apiVersion" not in document:
        for key, item in document.items():
            yield from _flatten(item, f"{where}, field {key!r}")
    else:
        yield check_object(document, where)


def _is_list(document: Any) -> bool:
    """Returns whether a value is a `List` or the list of one kind. A custom resource of a kind like AllowList has a name."""
    return (
        isinstance(document, dict)
        and str(document.get("kind")).endswith("List")
        and isinstance(document.get("items", 0), (list, type(None)))
        and "name" not in (document.get("metadata") or {})
    )


def owner(obj: Object) -> str:
    """Returns the label of the target that an object comes from, "" for an object that Turnup did not apply."""
    label: str = (obj["metadata"].get("annotations") or {}).get(OWNER_ANNOTATION, "")
    return label


def with_owner(obj: Object, label: str) -> Object:
    """Returns a copy of an object with the annotation that names the target that it comes from."""
    meta = obj["metadata"]
    return {**obj, "metadata": {**meta, "annotations": {**(meta.get("annotations") or {}), OWNER_ANNOTATION: label}}}


def is_listed(obj: Object) -> bool:
    """Returns whether a stack lists an object, which is what prune and delete read.

    An object with the annotation `turnup/on-remove: keep` is not listed. For example, `//prod:setup` makes the namespace of
    the user who runs it: another user's namespace leaves the set, and must stay on the cluster.
    """
    return (obj["metadata"].get("annotations") or {}).get(ON_REMOVE) != "keep"


def named_namespaces(objects: Iterable[Object]) -> list[str]:
    """Returns the namespaces that listed objects name, sorted.

    The names of a stack's records contain a hash of these namespaces. An object that names none, and so is in `default`,
    does not count.
    """
    return sorted({obj["metadata"].get("namespace") or "" for obj in objects if is_listed(obj)} - {""})


def fill_namespace(obj: Object, namespace: str, where: str, environment: str = "") -> Object:
    """Puts an object into its target's namespace.

    Args:
        obj: a checked object; it is not changed.
        namespace: the target's namespace; "" for a target without one.
        where: the object's target or file, for errors.
        environment: the environment that the object is part of, "" for none. An
            environment has namespaced objects only: a cluster-scoped object
            would be shared with the other environments.

    Returns:
        A copy with metadata.namespace set, unless the kind is known to be cluster-scoped; the
        ServiceAccounts that a RoleBinding names without a namespace are in the same one.

    Raises:
        TurnupError: the object names another namespace, or cannot be part of an environment.
    """
    if is_cluster_scoped(obj):
        return in_scope(obj, True, where, environment)
    meta = dict(obj["metadata"])
    own = meta.get("namespace")
    if own and namespace and own != namespace:
        target = f"environment {environment} (namespace {namespace})" if environment else f"namespace {namespace}"
        raise TurnupError(f"{where}: {obj['kind']} {meta['name']} names namespace {own}, but it belongs to {target}. Remove metadata.namespace.")
    if not own:
        if namespace:
            meta["namespace"] = namespace
        else:
            meta.pop("namespace", None)
    return _with_subjects({**obj, "metadata": meta})


def in_scope(obj: Object, cluster_scoped: bool | None, where: str, environment: str = "") -> Object:
    """Returns an object with the namespace that the API server stores it under.

    Args:
        obj: a checked object; it is not changed.
        cluster_scoped: the scope of its kind; None leaves the object as it is, for the API server's answer to decide.
        where: the object's target or file, for errors.
        environment: the environment that the object is part of, "" for none.

    Returns:
        The object without a namespace where it is cluster-scoped, in `default` where it is namespaced and names no namespace.

    Raises:
        TurnupError: a cluster-scoped object is part of an environment.
    """
    meta = obj["metadata"]
    if cluster_scoped and environment:
        raise TurnupError(
            f"{where}: {obj['kind']} {meta['name']} is cluster-scoped, so {environment} would share it with every other "
            "environment. Move it to //prod:setup or use a namespaced kind."
        )
    if cluster_scoped and "namespace" in meta:
        return {**obj, "metadata": {key: value for key, value in meta.items() if key != "namespace"}}
    if cluster_scoped is False and not meta.get("namespace"):
        return {**obj, "metadata": {**meta, "namespace": DEFAULT_NAMESPACE}}
    return obj


def _with_subjects(obj: Object) -> Object:
    """Returns a RoleBinding with its own namespace for each ServiceAccount that names none; other objects as they are.

    The API server requires a namespace there, and a manifest for several environments cannot name one.
    """
    subjects, namespace = obj.get("subjects"), obj["metadata"].get("namespace")
    if obj["kind"] != "RoleBinding" or group_of(obj["apiVersion"]) != "rbac.authorization.k8s.io" or not namespace or not isinstance(subjects, list):
        return obj

    def placed(subject: Any) -> Any:
        if isinstance(subject, dict) and subject.get("kind") == "ServiceAccount" and not subject.get("namespace"):
            return {**subject, "namespace": namespace}
        return subject

    return {**obj, "subjects": [placed(subject) for subject in subjects]}


def is_secret(obj: Object) -> bool:
    """Returns whether an object is a core Secret."""
    return obj.get("kind") == "Secret" and obj.get("apiVersion") == "v1"


def is_config(obj: Object) -> bool:
    """Returns whether an object is a core ConfigMap or Secret."""
    return obj.get("apiVersion") == "v1" and obj.get("kind") in CONFIG_KINDS
