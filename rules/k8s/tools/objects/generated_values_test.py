"""Tests of values of Secrets that only the cluster has."""

from __future__ import annotations

import base64
import re
from typing import Any

import pytest

from rules.k8s.tools.errors import TurnupError
from rules.k8s.tools.objects.generated_values import generated_keys, with_generated
from rules.k8s.tools.objects.hashed_names import hash_names
from rules.k8s.tools.objects.server_fields import check_values


def secret(keys: Any = "password", **fields: Any) -> dict[str, Any]:
    """Returns a Secret with generated values."""
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "login", "namespace": "dev", "annotations": {"turnup/generate": keys}}, **fields}


def encoded(text: str) -> str:
    """Returns a text as a Secret has it."""
    return base64.b64encode(text.encode()).decode()


def test_each_missing_key_gets_its_own_value():
    """New values have 32 letters and digits, differ, and stand beside the values of the manifest; the given object is not changed."""
    given = secret("password, other", data={"user": encoded("me")})
    data = with_generated(given, None)["data"]
    password, other = (base64.b64decode(data[key]).decode() for key in ("password", "other"))

    assert re.fullmatch("[A-Za-z0-9]{32}", password) and re.fullmatch("[A-Za-z0-9]{32}", other) and password != other
    assert data["user"] == encoded("me") and given["data"] == {"user": encoded("me")}
    assert with_generated(given, None)["data"]["password"] != data["password"]


def test_what_the_cluster_has_is_kept():
    """The live value goes before one that was chosen earlier, and that before a new one; an empty live value counts as missing."""
    live = {"data": {"password": encoded("live"), "other": ""}}
    chosen = secret("password,other,third", data={"password": encoded("chosen"), "other": encoded("chosen")})
    data = with_generated(chosen, live)["data"]

    assert (data["password"], data["other"]) == (encoded("live"), encoded("chosen"))
    assert len(base64.b64decode(data["third"])) == 32


def test_other_objects_stay_as_they_are():
    """Only a Secret with the annotation gets values."""
    for obj in ({**secret(), "metadata": {"name": "login"}}, {**secret(), "kind": "ConfigMap"}, {**secret(), "apiVersion": "example.com/v1"}):
        assert generated_keys(obj) == () and with_generated(obj, None) is obj


@pytest.mark.parametrize(
    ("obj", "sentence"),
    [
        ({**secret(), "kind": "ConfigMap"}, "ConfigMap dev/login: the annotation turnup/generate is for Secrets only. Remove it."),
        ({**secret(), "kind": "Thing", "apiVersion": "example.com/v1"}, "Thing dev/login: the annotation turnup/generate is for Secrets only. Remove it."),
        (secret(7), 'Secret dev/login: the annotation turnup/generate is 7, which is not text. Write keys like "password, token".'),
        (
            secret("password, a b"),
            "Secret dev/login: the annotation turnup/generate names the key 'a b'. Use letters, digits, '-', '_' and '.', at most 253, and commas",
        ),
        (secret("a,,b"), "the annotation turnup/generate names the key ''. Use letters"),
        (secret(""), "the annotation turnup/generate names the key ''. Use letters"),
        (secret("..a"), "the annotation turnup/generate names the key '..a'. Use letters"),
        (secret("a" * 254), "Use letters, digits"),
        (secret("a, a"), "the annotation turnup/generate names the key 'a' twice. Keep one."),
        (
            secret(stringData={"password": "canary"}),
            "the annotation turnup/generate names the key 'password', which also stands in stringData. Remove one of them.",
        ),
        (secret(data={"password": "Y2FuYXJ5"}), "the annotation turnup/generate names the key 'password', which also stands in data. Remove one of them."),
        (secret(immutable=True), "the annotation turnup/generate cannot add keys to a Secret with immutable: true. Remove one of them."),
    ],
)
def test_an_annotation_that_cannot_be_followed_is_one_sentence(obj, sentence):
    """The build refuses it with the place, what is wrong and what to do, and without a value."""
    with pytest.raises(TurnupError) as caught:
        check_values(obj, "//svc:dev")

    assert str(caught.value).startswith("//svc:dev: ") and sentence in str(caught.value)
    assert "canary" not in str(caught.value) and "Y2FuYXJ5" not in str(caught.value)


def test_generated_values_need_a_stable_name():
    """A Secret with generated values keeps its name, and may not ask for another."""
    assert hash_names([secret()]) == [secret()]
    stable = secret()
    stable["metadata"]["annotations"]["turnup/stable-name"] = "true"
    assert hash_names([stable]) == [stable]
    stable["metadata"]["annotations"]["turnup/stable-name"] = "false"

    with pytest.raises(TurnupError, match=r"asks for a name with a hash of the content, which has values that only the cluster knows \(turnup/generate\)"):
        hash_names([stable])
