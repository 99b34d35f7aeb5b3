"""The login of the registry in the cluster, read from the cluster when a push needs it.

    registry_login PLAN get < REGISTRY

As a program it speaks the protocol of docker's credential helpers, so that container_push and Docker can use it: the registry's name
comes on stdin, and JSON with the login goes to stdout. The password is never in an argument, in the environment or in a file.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from rules.k8s.tools.api.client import Client
from rules.k8s.tools.errors import ApiError, TurnupError, UsageError, run_main
from rules.k8s.tools.kubeconfig.kubeconfig import kubeconfig_files, load

if TYPE_CHECKING:
    from rules.image.tools.registry.auth import Login

NAMESPACE = "registry"
SECRET = "registry-credentials"  # noqa: S105 (its name)
PATH = f"/api/v1/namespaces/{NAMESPACE}/secrets/{SECRET}"
# The annotation with HOST:PORT of the registry that the login is for: the password is sent nowhere else.
REGISTRY_ANNOTATION = "turnup/registry"
USER = "turnup"
_KEY = "password"
# How credential helpers say that they know no login.
_NOT_FOUND = "credentials not found in native keychain"


class ClusterLogin:
    """Finds the login of a registry: the user's own, or else the one in the cluster that runs the registry.

    Args:
        connect: returns a client of the cluster; called when the first login is needed that docker's config does not have.
        learn: receives the Secret, so that its values are masked.
        own: finds the user's own login; in docker's config when None.
    """

    def __init__(
        self,
        connect: Callable[[], Client],
        learn: Callable[[Iterable[dict[str, Any]]], None] = lambda objects: None,
        own: Callable[[str], Login | None] | None = None,
    ) -> None:
        self._connect = connect
        self._learn = learn
        self._own = own

    def __call__(self, registry: str) -> Login | None:
        """Returns the login for a registry, or None.

        Args:
            registry: HOST:PORT.

        Raises:
            TurnupError: the cluster does not answer or does not allow to read the Secret, or the Secret has no password.
        """
        own = self._own
        if own is None:
            from rules.image.tools.registry.auth import find_login  # few pushes need a login

            own = find_login
        return own(registry) or self.of_cluster(registry)

    def of_cluster(self, registry: str) -> Login | None:
        """Returns the login of the registry in the cluster; None if the cluster runs no registry of this name. See __call__."""
        from rules.image.tools.registry.auth import Login

        secret = self._read(f"registry {registry}", f"log in with docker login {registry}")
        if secret is None or _registry_of(secret) != registry:
            return None
        self._learn([secret])
        try:
            password = base64.b64decode((secret.get("data") or {})[_KEY], validate=True).decode()
        except (KeyError, TypeError, AttributeError, UnicodeDecodeError, binascii.Error):
            password = ""
        if not password:
            raise TurnupError(
                f"registry {registry}: the Secret {SECRET} in namespace {NAMESPACE} has no password; delete it, then run 'bazel run //prod:setup.apply', "
                "which makes a new one"
            )
        return Login(USER, password)

    def registry(self) -> str | None:
        """Returns HOST:PORT of the registry in the cluster; None if it runs none.

        Raises:
            TurnupError: the cluster does not answer or does not allow to read the Secret.
        """
        secret = self._read("the cluster's registry", "name another context")
        return _registry_of(secret) if secret else None

    def _read(self, what: str, other: str) -> dict[str, Any] | None:
        """Returns the Secret, None if there is none. The error is about `what` and says what `other` thing helps."""
        client = self._connect()
        try:
            return client.get_or_none(PATH)
        except ApiError as error:
            right = f"ask for the right to get Secrets in namespace {NAMESPACE}" if error.status == 403 else "check the cluster"
            raise TurnupError(
                f"{what}: its login cannot be read from the Secret {SECRET} in namespace {NAMESPACE} of context {client.connection.context!r} "
                f"({error.status} {error.reason}); {right}, or {other}"
            ) from None


def _registry_of(secret: dict[str, Any]) -> str | None:
    """Returns HOST:PORT of the registry that a Secret has the login for."""
    annotations = (secret.get("metadata") or {}).get("annotations") or {}
    return annotations.get(REGISTRY_ANNOTATION) or None


def from_context(context: str, environ: Mapping[str, str]) -> ClusterLogin:
    """Returns the login of the registry in the cluster of a kubeconfig context.

    Args:
        context: the context.
        environ: the environment, which names kubeconfigs.
    """
    return ClusterLogin(lambda: Client(load(kubeconfig_files("", environ), context, environ=environ), connections=1))


def main(
    argv: list[str],
    stdin: TextIO | None = None,
    stdout: TextIO | None = None,
    stderr: TextIO | None = None,
    environ: Mapping[str, str] | None = None,
) -> int:
    """Answers as docker's credential helpers do.

    Args:
        argv: PLAN (relative to the runfiles), then `get`, `list`, `store` or `erase`.
        stdin: has the registry's name; the process' own when None.
        stdout: where the login is printed; the process' own when None.
        stderr: where errors are printed; the process' own when None.
        environ: the environment; the process' own when None.

    Returns:
        The exit code.
    """
    environ = os.environ if environ is None else environ
    out = stdout or sys.stdout

    def body() -> int:
        plan = json.loads((Path(environ.get("RUNFILES_DIR", ".")) / argv[0]).read_text(encoding="utf-8"))
        action = " ".join(argv[1:])
        if action != "get":
            raise UsageError(f"{action or 'no action'!r}: this login can only be read; use get, with the registry's name on stdin.")
        registry = (stdin or sys.stdin).read().strip().removeprefix("http://").removeprefix("https://").rstrip("/")
        login = from_context(plan["context"], environ).of_cluster(registry)
        if login is None:
            # Docker and auth.py look for these words.
            print(_NOT_FOUND, file=out)
            return 1
        print(json.dumps({"ServerURL": registry, "Username": login.name, "Secret": login.password}), file=out)
        return 0

    return run_main(body, stderr=stderr)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
