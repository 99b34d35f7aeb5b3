"""Fields that belong to the API server, and values that mean the same as no value: what a manifest cannot say."""

from __future__ import annotations

import base64
from typing import Any

from rules.k8s.tools.errors import TurnupError
from rules.k8s.tools.objects.generated_values import check_generated
from rules.k8s.tools.objects.objects import Object, identity, is_built_in, is_config, is_secret

# The server sets these; `kubectl get -o yaml` prints them.
_METADATA = ("uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "managedFields")
# Built-in kinds and groups with fields that hold arbitrary JSON, where null is a value.
_WITH_RAW_JSON = ("CustomResourceDefinition", "ControllerRevision")
# Fields that identify an element of a list of a kind of Kubernetes, and that have a default.
_DEFAULTED_KEYS = ("protocol",)
# The fields of a ConfigMap and a Secret that have a value for each key.
_VALUES = {"ConfigMap": ("data", "binaryData"), "Secret": ("data", "stringData")}
_WITH_RAW_JSON_GROUP = "resource.k8s.io/"


def without_server_fields(obj: Object, where: str) -> Object:
    """Returns an object without empty fields of the API server, which `kubectl create --dry-run` prints, and without null in its metadata.

    With `finalizers: null`, the next apply would remove what the server protects the object with.

    Args:
        obj: a checked object; it is not changed.
        where: its target or file, for errors.

    Raises:
        TurnupError: it has a value in a field of the API server.
    """
    meta = obj["metadata"]
    found = [f"metadata.{name}" for name in _METADATA if meta.get(name) is not None]
    if meta.get("ownerReferences"):
        found.append("metadata.ownerReferences")
    if not _is_blank(obj.get("status")):
        found.append("status")
    if found:
        fields = " and ".join(filter(None, (", ".join(found[:-1]), found[-1])))
        one = len(found) == 1
        raise TurnupError(
            f"{where}: {obj['kind']} {meta['name']}: {fields} {'belongs' if one else 'belong'} to the API server of the cluster that the object comes from. "
            f"Remove {'it' if one else 'them'}."
        )
    kept = {key: value for key, value in meta.items() if value is not None and key not in (*_METADATA, "ownerReferences")}
    return {**{key: value for key, value in obj.items() if key != "status"}, "metadata": kept}


def _is_blank(value: Any) -> bool:
    """Returns whether a value says nothing: null, an empty text, list or mapping, or one of such values."""
    if isinstance(value, dict):
        return all(_is_blank(each) for each in value.values())
    if isinstance(value, list):
        return all(_is_blank(each) for each in value)
    return value is None or value == ""


def without_null_in_lists(obj: Object) -> Object:
    """Returns an object of a kind of Kubernetes without null in the elements of its lists, where null means the same as no field.

    With a null in the field that identifies an element, such as a port's protocol, each apply would add the element once more; an
    empty text there goes as well. In a custom resource null may be a value, so it stays.
    """
    if not is_built_in(obj) or obj["kind"] in _WITH_RAW_JSON or obj["apiVersion"].startswith(_WITH_RAW_JSON_GROUP):
        return obj
    cleaned: Object = _without_null(obj)
    return cleaned


def without_generated_selector(obj: Object) -> Object:
    """Returns a Job without an empty selector, which means the one that the server generates and that cannot change; others as they are."""
    spec = obj.get("spec")
    if obj["kind"] != "Job" or not obj["apiVersion"].startswith("batch/") or not isinstance(spec, dict):
        return obj
    if "selector" not in spec or spec.get("manualSelector") or not _is_blank(spec["selector"]):
        return obj
    return {**obj, "spec": {key: value for key, value in spec.items() if key != "selector"}}


def _without_null(value: Any, *, element: bool = False) -> Any:
    if isinstance(value, dict):
        return {key: _without_null(each) for key, each in value.items() if not element or not (each is None or (key in _DEFAULTED_KEYS and each == ""))}
    return [_without_null(each, element=True) for each in value] if isinstance(value, list) else value


def with_values(obj: Object) -> Object:
    """Returns a ConfigMap or Secret in which each key has a value: null is an empty one, as on the server, which could not change it later.

    Other objects, and data that is not a mapping, stay as they are.
    """
    fields = _VALUES.get(obj["kind"], ()) if obj["apiVersion"] == "v1" else ()
    found = [field for field in fields if isinstance(obj.get(field), dict) and None in obj[field].values()]
    return {**obj, **{field: {key: "" if value is None else value for key, value in obj[field].items()} for field in found}} if found else obj


def with_data(obj: Object) -> Object:
    """Returns a Secret with its texts in `data`, as the server stores them: an apply owns, and later removes, only what it sends.

    Other objects, and stringData that the server would refuse, stay as they are.
    """
    texts, data = obj.get("stringData"), obj.get("data")
    if not is_secret(obj) or "stringData" not in obj or not isinstance(texts, (dict, type(None))) or not isinstance(data, (dict, type(None))):
        return obj
    if not all(isinstance(text, str) for text in (texts or {}).values()):
        return obj
    encoded = {key: base64.b64encode(text.encode()).decode() for key, text in (texts or {}).items()}
    rest = {key: value for key, value in obj.items() if key not in ("data", "stringData")}
    return {**rest, "data": {**(data or {}), **encoded}} if data or encoded else rest


_DATA_FIELDS = ("data", "stringData", "binaryData")
_TYPES = {bool: "truth value", int: "number", float: "number", str: "text", list: "list", dict: "mapping"}


def check_values(obj: Object, where: str) -> None:
    """Checks that the values of a Secret or ConfigMap are texts, where null is no value, and that those to generate can be generated.

    The API server would refuse others with an answer that quotes the value, and would write the answer to its logs.

    Args:
        obj: a checked object.
        where: its target or file, for errors.

    Raises:
        TurnupError: a value is not text, or the annotation for generated values is wrong. The error does not contain a value.
    """
    if not is_config(obj):
        check_generated(obj, where)
        return
    for field in _DATA_FIELDS:
        values = obj.get(field)
        if not isinstance(values, (dict, type(None))):
            raise TurnupError(f"{where}: {identity(obj)}: {field} is a {_TYPES[type(values)]}. Write a mapping of keys to texts.")
        for key, value in (values or {}).items():
            if not isinstance(value, (str, type(None))):
                raise TurnupError(f"{where}: {identity(obj)}: {field}.{key} is a {_TYPES[type(value)]}, which is not text. Write it in quotes.")
    check_generated(obj, where)
