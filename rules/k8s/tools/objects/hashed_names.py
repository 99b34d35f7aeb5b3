"""Content-hashed names of ConfigMaps and Secrets, and the references that follow them.

A pod reads its configuration when it starts. If the name stayed the same, a changed ConfigMap would reach old pods late
or never, and a rollback would find the old content overwritten. So `settings` is applied as `settings-5f2a90c1d4`: new
content is a new object, and each pod template that refers to it changes, which rolls exactly the pods that use it. All
functions are pure: they read no files and ask no cluster.
"""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import re
from collections.abc import Iterable, Mapping

from rules.k8s.tools.errors import TurnupError
from rules.k8s.tools.objects.generated_values import GENERATE_ANNOTATION, generated_keys
from rules.k8s.tools.objects.kinds import CONFIG_KINDS
from rules.k8s.tools.objects.objects import Object, identity, is_config
from rules.k8s.tools.objects.references import Config, find_references, references

# On an object with a content-hashed name: the name in its manifest.
BASE_ANNOTATION = "turnup/base-name"
# A label with the same value, by which the API server selects all generations of an object.
BASE_LABEL = "turnup/base-name"
# "true" on an object that keeps the name in its manifest, because others look it up.
STABLE_ANNOTATION = "turnup/stable-name"

_HASH_DIGITS = 10
_LONGEST_NAME = 253
_LONGEST_LABEL = 63
_LABEL_VALUE = re.compile(r"^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$")
# Types of Secrets with a name or content that belongs to Kubernetes itself.
_FIXED_SECRET_TYPES = frozenset({"kubernetes.io/service-account-token", "bootstrap.kubernetes.io/token"})

HashedNames = Mapping[Config, str]
"""Config → its name on the cluster."""


def is_generation_name(name: str, base: str) -> bool:
    """Returns whether a name has the form that content_name gives to `base`."""
    return bool(re.fullmatch(re.escape(base) + rf"-[0-9a-f]{{{_HASH_DIGITS}}}", name))


def base_of(obj: Object) -> Config | None:
    """Returns the Config of an object with a content-hashed name, None for any other object."""
    base = (obj["metadata"].get("annotations") or {}).get(BASE_ANNOTATION)
    kind = obj.get("kind")
    return Config(kind, obj["metadata"].get("namespace") or "", base) if base and kind in CONFIG_KINDS else None


def label_value(base: str) -> str:
    """Returns the value of BASE_LABEL for a name: the name itself if it is a valid label value."""
    if len(base) <= _LONGEST_LABEL and _LABEL_VALUE.match(base):
        return base
    digest = hashlib.sha256(base.encode()).hexdigest()[:_HASH_DIGITS]
    return f"{base[: _LONGEST_LABEL - _HASH_DIGITS - 1].rstrip('-._')}-{digest}"


def keeps_name(obj: Object) -> bool:
    """Returns whether an object is applied under the name in its manifest.

    These are objects with the annotation `turnup/stable-name: "true"` or with `immutable: false`, Secrets with generated
    values, which the build does not know, objects of Kubernetes itself (namespaces kube-*, tokens), and all other kinds than
    ConfigMap and Secret.

    Raises:
        TurnupError: the annotation is neither "true" nor "false", or is "false" on a Secret with generated values.
    """
    if not is_config(obj):
        return True
    annotations, generated = obj["metadata"].get("annotations") or {}, bool(generated_keys(obj))
    stable = annotations.get(STABLE_ANNOTATION, "false")
    if stable not in ("true", "false"):
        raise TurnupError(f'{identity(obj)}: the annotation {STABLE_ANNOTATION} is {json.dumps(stable)}. Write "true" or remove it.')
    if generated and STABLE_ANNOTATION in annotations and stable == "false":
        raise TurnupError(
            f"{identity(obj)}: the annotation {STABLE_ANNOTATION} asks for a name with a hash of the content, which has values that only the cluster "
            f"knows ({GENERATE_ANNOTATION}). Remove one of the annotations."
        )
    return (
        stable == "true"
        or generated
        or obj.get("immutable") is False
        or obj.get("type") in _FIXED_SECRET_TYPES
        or (obj["metadata"].get("namespace") or "").startswith("kube-")
    )


def content_name(obj: Object) -> str:
    """Returns the name of a ConfigMap or Secret, followed by ten digits of a hash of its content.

    Content is kind, type and data; the same bytes give the same name in data, binaryData and stringData. More people see
    names than Secrets. So the hash of a Secret is slow on purpose and salted with its name and namespace, which keeps an
    attacker from trying millions of values.

    Raises:
        TurnupError: the name would be longer than Kubernetes allows, or the data is not a mapping.
    """
    data: dict[str, str] = {}
    for field in ("data", "binaryData", "stringData"):
        values = obj.get(field) or {}
        if not isinstance(values, dict):
            raise TurnupError(f"{identity(obj)}: {field} is {type(values).__name__}. Write a mapping of keys to texts.")
        encoded = field == "binaryData" or (field == "data" and obj["kind"] == "Secret")
        for key, value in values.items():
            data[key] = value if encoded or not isinstance(value, str) else base64.b64encode(value.encode("utf-8", "surrogatepass")).decode()
    text = json.dumps([obj["kind"], obj.get("type") or "", data], sort_keys=True, ensure_ascii=True).encode()
    if obj["kind"] == "Secret":
        salt = f"{obj['metadata'].get('namespace') or ''}/{obj['metadata']['name']}".encode()
        digest = hashlib.scrypt(text, salt=salt, n=2**14, r=8, p=1).hex()
    else:
        digest = hashlib.sha256(text).hexdigest()
    name = f"{obj['metadata']['name']}-{digest[:_HASH_DIGITS]}"
    if len(name) > _LONGEST_NAME:
        raise TurnupError(
            f"{identity(obj)}: the name is too long for a hash of the content. Use at most "
            f'{_LONGEST_NAME - _HASH_DIGITS - 1} characters or annotate it with {STABLE_ANNOTATION}: "true".'
        )
    return name


def hash_names(objects: Iterable[Object]) -> list[Object]:
    """Returns the objects of one target with content-hashed names and with the references among them rewritten.

    An object with such a name is immutable, and has the name in its manifest in BASE_ANNOTATION.

    Raises:
        TurnupError: an annotation of this module is wrong, or a name is too long.
    """
    named, names = [], {}
    for obj in objects:
        if keeps_name(obj):
            named.append(obj)
            continue
        meta = obj["metadata"]
        base = meta["name"]
        names[Config(obj["kind"], meta.get("namespace") or "", base)] = name = content_name(obj)
        named.append(
            {
                **obj,
                "metadata": {
                    **meta,
                    "name": name,
                    "labels": {**(meta.get("labels") or {}), BASE_LABEL: label_value(base)},
                    "annotations": {**(meta.get("annotations") or {}), BASE_ANNOTATION: base},
                },
                "immutable": True,
            }
        )
    return rewrite(named, names)


def names_of(objects: Iterable[Object]) -> dict[Config, str]:
    """Returns the names on the cluster of the ConfigMaps and Secrets that `hash_names` has renamed."""
    found = {}
    for obj in objects:
        base = base_of(obj)
        if base:
            found[base] = obj["metadata"]["name"]
    return found


def rewrite(objects: Iterable[Object], names: HashedNames) -> list[Object]:
    """Returns objects with references to the names on the cluster.

    Args:
        objects: checked objects; they are not changed.
        names: the new names. Other references stay. An object without any keeps its identity: the same dict is returned.

    Raises:
        TurnupError: a `turnup/references` annotation is wrong.
    """
    result = []
    for obj in objects:
        if not any(config in names for config in references(obj)):
            result.append(obj)
            continue
        renamed = copy.deepcopy(obj)
        for config, rename in find_references(renamed):
            if config in names:
                rename(names[config])
        # A role can name both what is in the manifest and what is on the cluster.
        result.append(obj if renamed == obj else renamed)
    return result
