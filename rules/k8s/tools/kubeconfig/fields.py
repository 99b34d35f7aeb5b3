"""Checks the fields of a kubeconfig when it is read, so that later code can rely on their types."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rules.k8s.tools.errors import TurnupError

# Fields and their types: `text`, `secret` (a text that no error quotes), `header` (a text that is sent in a header),
# `flag`, `list`, `mapping`.
_FIELDS: dict[str, dict[str, str]] = {
    "context": {"cluster": "text", "user": "text", "namespace": "text"},
    "cluster": {
        "server": "text",
        "certificate-authority": "text",
        "certificate-authority-data": "secret",
        "insecure-skip-tls-verify": "flag",
        "tls-server-name": "text",
        "proxy-url": "secret",
        "extensions": "list",
    },
    "user": {
        "client-certificate": "text",
        "client-certificate-data": "secret",
        "client-key": "text",
        "client-key-data": "secret",
        "token": "secret",
        "tokenFile": "text",
        "username": "text",
        "password": "secret",
        "as": "header",
        "as-uid": "header",
        "exec": "mapping",
        "auth-provider": "mapping",
    },
    "exec": {
        "apiVersion": "text",
        "command": "text",
        "args": "list",
        "env": "list",
        "interactiveMode": "text",
        "installHint": "text",
        "provideClusterInfo": "flag",
    },
    "auth-provider": {"name": "text"},
}
# Auth providers have had exec plugins as successors since Kubernetes 1.26.
_PLUGINS = {"oidc": "kubelogin ('kubectl oidc-login')", "gcp": "gke-gcloud-auth-plugin", "azure": "Azure's kubelogin ('kubelogin convert-kubeconfig')"}
_TYPES: dict[str, type] = {"text": str, "secret": str, "header": str, "flag": bool, "list": list, "mapping": dict}
_WORDS = {str: "a text", bool: "true or false", list: "a list", dict: "a mapping", int: "a number", float: "a number", type(None): "nothing"}
_SHOWN_LETTERS = 60


def check_entry(kind: str, name: str, content: Any, file: Path) -> None:
    """Checks the fields of a context, cluster or user.

    Args:
        kind: `context`, `cluster` or `user`.
        name: the entry's name.
        content: the entry's content.
        file: the kubeconfig, for errors.

    Raises:
        TurnupError: a field has a wrong type or value; the error quotes the value unless it is secret.
    """
    where = f"{file}: {kind} {name!r}"
    _check(where, kind, content)
    if kind == "cluster":
        _check_server(where, content.get("server"))
        for number, extension in enumerate(content.get("extensions") or []):
            _expect(where, f"extensions[{number}]", "mapping", extension)
    if kind == "user" and content.get("exec"):
        _check(f"{where}: exec", "exec", content["exec"])
        _check_texts(where, [*(content["exec"].get("args") or []), *(content["exec"].get("env") or [])])
    if kind == "user" and content.get("auth-provider"):
        _check(f"{where}: auth-provider", "auth-provider", content["auth-provider"])
        name = content["auth-provider"].get("name")
        raise TurnupError(f"{where}: auth-provider {name!r} is not supported. Use the exec plugin {_PLUGINS.get(name, 'of your provider')} instead.")


def as_list(kind: str, config: Mapping[str, Any], file: Path) -> list[Any]:
    """Returns the entries of a kind.

    Args:
        kind: `context`, `cluster` or `user`.
        config: the kubeconfig's content.
        file: the kubeconfig, for errors.

    Raises:
        TurnupError: the entries are not a list.
    """
    found = config.get(f"{kind}s")
    if found is not None and not isinstance(found, list):
        raise TurnupError(f"{file}: {kind}s is {_shown(found)}. Write a list.")
    return found or []


def token_of(value: str, where: str) -> str:
    """Returns a token without the white space that files and YAML leave around it.

    Args:
        value: the token.
        where: its source, for errors.

    Raises:
        TurnupError: the token has characters that a header cannot contain.
    """
    token = value.strip()
    if not token.isascii() or not token.isprintable():
        raise TurnupError(f"{where} has control characters, line breaks or letters beyond ASCII in the token. Write the token again, or log in again.")
    return token


def _check(where: str, kind: str, content: Any) -> None:
    if not isinstance(content, dict):
        raise TurnupError(f"{where} is {_shown(content)}. Write a mapping of fields to values.")
    for field, wanted in _FIELDS[kind].items():
        if content.get(field) is not None:
            _expect(where, field, wanted, content[field])


def _expect(where: str, field: str, wanted: str, value: Any) -> None:
    if not isinstance(value, _TYPES[wanted]):
        found = _words(value) if wanted == "secret" else _shown(value)
        quotes = ", in quotes" if wanted in ("text", "secret", "header") and isinstance(value, (int, float)) else ""
        raise TurnupError(f"{where}: {field} is {found}. Write {_WORDS[_TYPES[wanted]]}{quotes}.")
    if wanted == "header" and not str(value).isprintable():
        raise TurnupError(f"{where}: {field} is {value!r}, which a header cannot contain. Write it without line breaks and control characters.")
    if wanted == "text" and "\0" in str(value):
        raise TurnupError(f"{where}: {field} is {value!r}, which is not a valid name. Write it without control characters.")


def _check_texts(where: str, values: Iterable[Any]) -> None:
    """Checks the arguments of a plugin, and its environment, a list of mappings."""
    for value in values:
        texts = value.values() if isinstance(value, dict) else (value,)
        if any("\0" in str(text) for text in texts):
            raise TurnupError(f"{where}: exec has a zero byte in args or env, which cannot be passed to a program. Remove it.")


def _check_server(where: str, server: str | None) -> None:
    try:
        _ = urlsplit(server or "").port  # Reading the port raises ValueError if it is not a number.
    except ValueError:
        raise TurnupError(f"{where}: server is {server!r}, which is not a URL. Write https://HOST:PORT.") from None


def _shown(value: Any) -> str:
    """Returns a value that is not secret, with its type."""
    text = repr(value)
    return f"{text[:_SHOWN_LETTERS]}{'…' if len(text) > _SHOWN_LETTERS else ''}, {_words(value)}" if isinstance(value, (str, int, float)) else _words(value)


def _words(value: Any) -> str:
    return _WORDS.get(type(value), "something else")
