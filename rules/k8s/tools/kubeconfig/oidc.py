"""OpenID Connect, with refresh.

The kubernetes package does it. What it leaves to its caller is done here: the identity
provider's certificate is always checked, refreshed tokens go back into the kubeconfig (a
provider may accept a refresh token only once), and a token that expires in mid-run is
renewed.
"""

from __future__ import annotations

import base64
import contextlib
import copy
import json
import logging
import os
import ssl
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Callable, Iterator, Mapping

from rules.k8s.tools.cleanup import private_folder
from rules.k8s.tools.errors import TurnupError
from rules.k8s.tools.kubeconfig.fields import token_of
from rules.k8s.tools.objects.yaml_documents import load_yaml_documents, to_yaml

Headers = Callable[[], Mapping[str, str]]

# A token that ends this soon is renewed before it is sent.
_SPARE_SECONDS = 10.0
_TOKENS = ("id-token", "refresh-token")


def library_login(path: Path, frozen: Mapping[str, Any]) -> Headers:
    """Lets the kubernetes package log in.

    Args:
        path: the kubeconfig that has the user entry: fresh tokens are kept there.
        frozen: the context in use, alone, with the user entry.

    Returns:
        The header function; it renews what has expired.

    Raises:
        TurnupError: the identity provider refuses, or cannot be asked.
    """
    from kubernetes.client import Configuration
    from kubernetes.config.kube_config import KubeConfigLoader

    context = frozen["current-context"]
    own = _for_library(frozen)
    user = own["users"][0]["name"]
    provider = own["users"][0]["user"]["auth-provider"].get("config") or {}
    authority = provider.pop("idp-certificate-authority-data", None)
    loader = KubeConfigLoader(own, active_context=context, config_persister=lambda: _keep_tokens(path, user, own))
    settings = Configuration()
    lock = threading.Lock()

    def log_in() -> None:
        complaints: list[str] = []
        # The loader logs what went wrong and goes on without credentials.
        handler = logging.Handler()
        handler.emit = lambda record: complaints.append(record.getMessage())  # type: ignore[method-assign]
        root = logging.getLogger()
        root.addHandler(handler)
        try:
            with _authority_file(authority) as file:
                if file:
                    provider["idp-certificate-authority"] = file
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
        return {"Authorization": token_of(token, f"{path}: the login of context {context!r}")} if token else {}

    log_in()
    return headers


@contextlib.contextmanager
def _authority_file(data: str | None) -> Iterator[str]:
    """Gives a file with a certificate authority in place of its base64, "" for none: the library's own files would stay behind."""
    if not data:
        yield ""
        return
    with private_folder() as folder:
        file = folder / "ca.crt"
        file.write_bytes(base64.b64decode(data))
        yield str(file)


def _token(settings: Any) -> str:
    """Returns the value of the header that authenticates, "" for none."""
    login: Any = settings.auth_settings().get("BearerToken")
    return login["value"] if login and login["value"] else ""


def _for_library(frozen: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a copy of a kubeconfig with what the library would otherwise do wrong set right."""
    own = copy.deepcopy(dict(frozen))
    # What it does not get it makes no files of.
    own["clusters"][0]["cluster"] = {"server": own["clusters"][0]["cluster"]["server"]}
    own["users"][0]["user"] = {"auth-provider": own["users"][0]["user"]["auth-provider"]}
    provider = own["users"][0]["user"]["auth-provider"].get("config")
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
