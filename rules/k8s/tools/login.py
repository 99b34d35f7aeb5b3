"""Logins that take more than a header: exec credential plugins, and OpenID Connect with refresh.

The kubernetes package does both. What it leaves to its caller is done here: the identity
provider's certificate is always checked, refreshed tokens go back into the kubeconfig (a
provider may accept a refresh token only once), and a token that expires in mid-run is
renewed.
"""

from __future__ import annotations

import base64
import copy
import json
import logging
import os
import ssl
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Callable, Mapping

from rules.k8s.tools.errors import TurnupError
from rules.k8s.tools.kubeconfig import read_beside
from rules.k8s.tools.manifests import load_yaml_documents
from rules.k8s.tools.render import to_yaml

Headers = Callable[[], Mapping[str, str]]

# A token that ends this soon is renewed before it is sent.
_SPARE_SECONDS = 10.0
_TOKENS = ("id-token", "refresh-token")


def library_login(path: Path, context: str, user: str, config: Mapping[str, Any]) -> tuple[Headers, bytes | None, bytes | None]:
    """Lets the kubernetes package log in.

    Args:
        path: the kubeconfig.
        context: the context in use.
        user: the user entry in use.
        config: the kubeconfig's content.

    Returns:
        The header function (it renews what has expired), and the client certificate
        and key, which some plugins give in place of a token.

    Raises:
        TurnupError: the plugin or the identity provider refuses, or cannot be asked.
    """
    from kubernetes.client import Configuration
    from kubernetes.config.kube_config import KubeConfigLoader

    own = _for_library(config, context, user)
    loader = KubeConfigLoader(own, active_context=context, config_base_path=str(path.parent),
                              config_persister=lambda: _keep_tokens(path, user, own))
    settings = Configuration()
    lock = threading.Lock()

    def log_in() -> None:
        complaints: list[str] = []
        # The loader logs what a plugin did wrong and goes on without credentials.
        handler = logging.Handler()
        handler.emit = lambda record: complaints.append(record.getMessage())  # type: ignore[method-assign]
        root = logging.getLogger()
        root.addHandler(handler)
        try:
            loader.load_and_set(settings)
        except Exception as error:  # It passes on whatever oauthlib, requests and urllib3 raise.
            complaints.append(f"{type(error).__name__}: {error}" if not str(error) else str(error))
        finally:
            root.removeHandler(handler)
        if complaints:
            reason = " ".join(complaints[0].split())[:300]
            raise TurnupError(f"{path}: logging in with context {context!r} failed ({reason}); log in with your provider's tool.")

    def headers() -> Mapping[str, str]:
        with lock:
            if _ends_soon(_token(settings)):
                log_in()
            token = _token(settings)
        return {"Authorization": token} if token else {}

    log_in()
    certificate, key = (read_beside(Path(name), "certificate", path) if name else None for name in (settings.cert_file, settings.key_file))
    return headers, certificate, key


def _token(settings: Any) -> str:
    """Returns the header value; asking for it runs a plugin again whose answer has expired."""
    login: Any = settings.auth_settings().get("BearerToken")
    return login["value"] if login and login["value"] else ""


def _for_library(config: Mapping[str, Any], context: str, user: str) -> dict[str, Any]:
    """Returns a copy of a kubeconfig in which the context uses the user, with what the library would otherwise do wrong set right."""
    own = copy.deepcopy(dict(config))
    for entry in own["contexts"]:
        if entry.get("name") == context:
            entry["context"]["user"] = user
    provider = _provider(own, user)
    if provider is not None:
        if not any(name in provider for name in ("idp-certificate-authority", "idp-certificate-authority-data")):
            # Without one the library would not check whom it gives the refresh token to.
            system = ssl.get_default_verify_paths()
            provider["idp-certificate-authority"] = system.cafile or system.openssl_cafile
        provider.setdefault("client-secret", "")  # Public clients have none.
        provider.setdefault("id-token", "")
    return own


def _provider(config: Mapping[str, Any], user: str) -> dict[str, Any] | None:
    """Returns the settings of a user's auth provider, None where there is none."""
    for entry in config.get("users") or []:
        if entry.get("name") == user:
            return ((entry.get("user") or {}).get("auth-provider") or {}).get("config")
    return None


def _keep_tokens(path: Path, user: str, own: Mapping[str, Any]) -> None:
    """Writes refreshed tokens back into the kubeconfig; where that is not allowed, they last for this run."""
    fresh = _provider(own, user) or {}
    try:
        target = path.resolve()
        config = load_yaml_documents(target.read_text(encoding="utf-8"), str(path))[0]
        provider = _provider(config, user)
        if provider is None or all(provider.get(name) == fresh.get(name) for name in _TOKENS):
            return
        provider.update({name: fresh[name] for name in _TOKENS if name in fresh})
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=".kubeconfig-")  # Mode 0600: it holds tokens.
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(to_yaml(config))
        os.replace(name, target)
    except (OSError, TurnupError):
        return


def _ends_soon(token: str) -> bool:
    """Says whether a header value is a JSON Web Token that has expired or is about to."""
    parts = token.removeprefix("Bearer ").split(".")
    if len(parts) != 3:
        return False
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return float(claims["exp"]) < time.time() + _SPARE_SECONDS
    except (ValueError, KeyError, TypeError):
        return False
