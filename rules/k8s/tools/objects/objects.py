"""Kubernetes objects as data: reading them, naming them, filling in their namespace.

Pure functions without I/O beyond reading the file that is named. An object is
the plain dict that JSON or YAML gives; its identity is (group, kind, namespace, name).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Iterator

from rules.k8s.tools.errors import TurnupError
from rules.k8s.tools.objects.kinds import BUILT_IN_NAMESPACED_GROUPS, CLUSTER_SCOPED
from rules.k8s.tools.objects.yaml_documents import TOO_DEEP, is_deep, load_yaml_documents

Object = dict[str, Any]

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")



# Names the target that an object comes from. Without it, an object whose manifest sets no field of
# its own (a bare Namespace) would carry no trace of who applied it.
OWNER_ANNOTATION = "turnup/target"


@dataclass(frozen=True, order=True)
class Identity:
    """What makes an object that object, whatever version of its API it is written in.

    Attributes:
        group: API group, "" for the core group.
        kind: for example `Deployment`.
        namespace: "" for an object outside any namespace.
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


def is_cluster_scoped(obj: Object) -> bool | None:
    """Says whether an object lives outside any namespace, as far as its kind tells.

    Returns:
        True or False for the kinds of Kubernetes itself; None for a custom
        resource, whose definition only the cluster knows.
    """
    group = group_of(obj["apiVersion"])
    if obj["kind"] in CLUSTER_SCOPED.get(group, ()):
        return True
    if group in CLUSTER_SCOPED or group in BUILT_IN_NAMESPACED_GROUPS:
        return False
    return None


def check_object(obj: Any, where: str) -> Object:
    """Checks that a value has the shape of a Kubernetes object.

    Args:
        obj: any JSON value.
        where: what to call the place in an error, for example `server.jsonnet, field 'service'`.

    Returns:
        The object itself.

    Raises:
        TurnupError: it is not a mapping, or lacks apiVersion, kind or metadata.name.
    """
    if not isinstance(obj, dict):
        raise TurnupError(f"{where}: found {_short(obj)} where a Kubernetes object should stand; "
                          "write a mapping with apiVersion, kind and metadata.name.")
    for field in ("apiVersion", "kind"):
        if not isinstance(obj.get(field), str) or not obj[field]:
            raise TurnupError(f"{where}: the object has {field} {_short(obj.get(field))}; "
                              f"write a non-empty string, as in {field}: {_EXAMPLE[field]}.")
    meta = obj.get("metadata")
    if not isinstance(meta, dict) or not isinstance(meta.get("name"), str) or not meta["name"]:
        found = meta.get("name") if isinstance(meta, dict) else meta
        raise TurnupError(f"{where}: the {obj['kind']} has metadata.name {_short(found)}; give it a name.")
    if not isinstance(meta.get("namespace", ""), (str, type(None))):
        raise TurnupError(f"{where}: {obj['kind']} {meta['name']} has metadata.namespace "
                          f"{_short(meta['namespace'])}; write a string or leave it out.")
    return obj


_EXAMPLE = {"apiVersion": "apps/v1", "kind": "Deployment"}


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."


def read_objects(text: str, path: str, name: str = "") -> list[Object]:
    """Reads every object of a manifest file.

    Args:
        text: the file's content: YAML documents, one JSON object, a JSON list of
            objects, or a JSON mapping of file stems to objects as multi-file
            Jsonnet programs give. A list (`kind: List`, `kind: ConfigMapList`) is replaced by its items.
        path: the file's name, by which JSON is told from YAML.
        name: what to call the file in errors; "" for its path.

    Returns:
        The objects in file order (a mapping of stems in the order of its keys).

    Raises:
        TurnupError: the file cannot be parsed, holds no object, or one of wrong shape.
    """
    name = name or path
    if path.endswith(".json"):
        try:
            documents = [json.loads(text)]
        except json.JSONDecodeError as error:
            raise TurnupError(f"{name}:{error.lineno}:{error.colno}: not JSON: {error.msg}.") from error
        except RecursionError:
            raise TurnupError(f"{name}: {TOO_DEEP}") from None
    else:
        documents = [doc for doc in load_yaml_documents(text, name) if doc is not None]
    objects: list[Object] = []
    for index, document in enumerate(documents):
        where = name if len(documents) == 1 else f"{name}, document {index + 1}"
        objects.extend(_flatten(document, where))
    if is_deep(objects):
        raise TurnupError(f"{name}: {TOO_DEEP}")
    if not objects:
        raise TurnupError(f"{name}: holds no Kubernetes object; write at least one.")
    return objects


def is_namespace_name(text: str) -> bool:
    """Says whether a namespace can have a name: a label of RFC 1123."""
    return _LABEL.fullmatch(text) is not None


def _flatten(document: Any, where: str) -> Iterator[Object]:
    if isinstance(document, list):
        for index, item in enumerate(document):
            yield from _flatten(item, f"{where}, item {index + 1}")
    elif _is_list(document):
        # Items of a server's own lists, as of a ConfigMapList, name neither their apiVersion nor their kind.
        kind = document["kind"].removesuffix("List")
        common = {"apiVersion": document.get("apiVersion"), "kind": kind} if kind else {}
        for index, item in enumerate(document["items"] or []):
            yield from _flatten({**common, **item} if isinstance(item, dict) else item, f"{where}, item {index + 1}")
    elif isinstance(document, dict) and "kind" not in document and "apiVersion" not in document and document:
        for key, item in document.items():
            yield from _flatten(item, f"{where}, field {key!r}")
    else:
        yield check_object(document, where)


def _is_list(document: Any) -> bool:
    """Says whether a value is a `List` or the list of one kind. A custom resource may have a kind like AllowList, but it has a name."""
    return (isinstance(document, dict) and str(document.get("kind")).endswith("List") and isinstance(document.get("items", 0), (list, type(None)))
            and "name" not in (document.get("metadata") or {}))








def owner(obj: Object) -> str:
    """Returns the label of the target that an object was made by, "" when Turnup did not make it."""
    return (obj["metadata"].get("annotations") or {}).get(OWNER_ANNOTATION, "")


def with_owner(obj: Object, label: str) -> Object:
    """Returns a copy of an object that names the target it comes from."""
    meta = obj["metadata"]
    return {**obj, "metadata": {**meta, "annotations": {**(meta.get("annotations") or {}), OWNER_ANNOTATION: label}}}


def fill_namespace(obj: Object, namespace: str, where: str, environment: str = "") -> Object:
    """Puts an object into a namespace.

    Args:
        obj: a checked object; it is not changed.
        namespace: where objects without a namespace of their own belong; "" leaves them be.
        where: what to call the object's target or file in an error.
        environment: the environment that the object is part of, "" for none. An
            environment holds namespaced objects only: an object outside any
            namespace would be shared with the other environments.

    Returns:
        A copy with metadata.namespace set, unless the kind is known to have none; the
        ServiceAccounts that a RoleBinding names without namespace are in the same one.

    Raises:
        TurnupError: the object names another namespace, or cannot be part of an environment.
    """
    scoped = is_cluster_scoped(obj)
    meta = dict(obj["metadata"])
    if scoped:
        if environment:
            raise TurnupError(
                f"{where}: {obj['kind']} {meta['name']} lives outside any namespace, so {environment} would share it "
                "with every other environment; move it to //prod:setup or use a namespaced kind.")
        meta.pop("namespace", None)
        return {**obj, "metadata": meta}
    own = meta.get("namespace")
    if own and namespace and own != namespace:
        kind_of_place = f"environment {environment} (namespace {namespace})" if environment else f"namespace {namespace}"
        raise TurnupError(f"{where}: {obj['kind']} {meta['name']} names namespace {own}, but it belongs to "
                          f"{kind_of_place}; remove metadata.namespace.")
    if not own:
        if namespace:
            meta["namespace"] = namespace
        else:
            meta.pop("namespace", None)
    return _with_subjects({**obj, "metadata": meta})


def _with_subjects(obj: Object) -> Object:
    """Returns a RoleBinding whose ServiceAccounts without a namespace are those of its own; other objects as they are.

    The server demands a namespace there, and a manifest for several environments cannot name one.
    """
    subjects, namespace = obj.get("subjects"), obj["metadata"].get("namespace")
    if obj["kind"] != "RoleBinding" or group_of(obj["apiVersion"]) != "rbac.authorization.k8s.io" or not namespace or not isinstance(subjects, list):
        return obj

    def placed(subject: Any) -> Any:
        if isinstance(subject, dict) and subject.get("kind") == "ServiceAccount" and not subject.get("namespace"):
            return {**subject, "namespace": namespace}
        return subject

    return {**obj, "subjects": [placed(subject) for subject in subjects]}


LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def is_secret(obj: Object) -> bool:
    """Says whether an object is a core Secret."""
    return obj.get("kind") == "Secret" and obj.get("apiVersion") == "v1"
