"""Secrets with values that the cluster alone has: `turnup/generate: "password, token"` names keys that the first apply gives random values.

A value is never in a manifest, and is kept once the cluster has it. All functions but the random choice are pure.
"""

from __future__ import annotations

import base64
import json
import re
import string

from rules.k8s.tools.errors import TurnupError
from rules.k8s.tools.objects.objects import Object, identity, is_secret

GENERATE_ANNOTATION = "turnup/generate"
"""On a Secret: the keys with generated values, separated by commas."""

# 190 bits.
_LENGTH = 32
_LETTERS = string.ascii_letters + string.digits
_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")


def generated_keys(obj: Object) -> tuple[str, ...]:
    """Returns the keys of a Secret that get generated values, () for any other object."""
    text = (obj["metadata"].get("annotations") or {}).get(GENERATE_ANNOTATION)
    return tuple(key.strip() for key in text.split(",")) if isinstance(text, str) and is_secret(obj) else ()


def check_generated(obj: Object, where: str) -> None:
    """Checks the annotation of an object that wants generated values.

    Args:
        obj: a checked object, as its manifest has it.
        where: its target or file, for errors.

    Raises:
        TurnupError: the annotation is on another kind, does not list keys, names a key that has a value in the manifest, or the Secret is
            immutable. The error does not contain a value.
    """
    text = (obj["metadata"].get("annotations") or {}).get(GENERATE_ANNOTATION)
    if text is None:
        return
    what = f"{where}: {identity(obj)}: the annotation {GENERATE_ANNOTATION}"
    if not is_secret(obj):
        raise TurnupError(f"{what} is for Secrets only. Remove it.")
    if not isinstance(text, str):
        raise TurnupError(f'{what} is {json.dumps(text)}, which is not text. Write keys like "password, token".')
    keys = generated_keys(obj)
    for index, key in enumerate(keys):
        if not _KEY.fullmatch(key) or key == "." or key.startswith(".."):
            raise TurnupError(f"{what} names the key {key!r}. Use letters, digits, '-', '_' and '.', at most 253, and commas between keys.")
        if key in keys[:index]:
            raise TurnupError(f"{what} names the key {key!r} twice. Keep one.")
        for field in ("data", "stringData"):
            if key in (obj.get(field) or {}):
                raise TurnupError(f"{what} names the key {key!r}, which also stands in {field}. Remove one of them.")
    if obj.get("immutable") is True:
        raise TurnupError(f"{what} cannot add keys to a Secret with immutable: true. Remove one of them.")


def with_generated(obj: Object, live: Object | None) -> Object:
    """Returns an object with a value for each generated key: that of the live object, else its own, else a new one.

    A key with an empty value counts as missing, so that nothing is open to an empty password.

    Args:
        obj: the object to send; it is not changed.
        live: the live object; None if there is none.
    """
    keys = generated_keys(obj)
    if not keys:
        return obj
    own, there = obj.get("data") or {}, (live or {}).get("data") or {}
    return {**obj, "data": {**own, **{key: there.get(key) or own.get(key) or _new_value() for key in keys}}}


def _new_value() -> str:
    """Returns a new random value in base64, as Secrets have their values."""
    import secrets  # Few runs make a value, and all of them load this file.

    return base64.b64encode("".join(secrets.choice(_LETTERS) for _ in range(_LENGTH)).encode()).decode()
