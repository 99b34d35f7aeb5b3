"""Exec credential plugins: programs that print a token or a client certificate, started as kubectl starts them.

A plugin is started when its credentials are first needed, and again when they have expired or
the API server rejects them. Its stderr goes to the user while it runs, because some plugins ask
questions there.
"""

from __future__ import annotations

import base64
import datetime
import json
import os
import selectors
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rules.common.control_characters import strip_control_characters
from rules.k8s.tools import cleanup
from rules.k8s.tools.errors import TurnupError
from rules.k8s.tools.kubeconfig.fields import token_of

_GROUP = "client.authentication.k8s.io"
_VERSIONS = (f"{_GROUP}/v1", f"{_GROUP}/v1beta1")

# Enough for a person who copies a code from a screen.
_DEADLINE_SECONDS = 60.0
_NOTE_SECONDS = 5.0
# Credentials that expire this soon are renewed before they are sent.
_SPARE_SECONDS = 10.0
# The part of the plugin's stderr that is kept for errors.
_KEPT_BYTES = 2000
# An ExecCredential has a token and a certificate; kubectl reads any number of bytes.
_ANSWER_BYTES = 1 << 20
# A process that the plugin leaves behind may keep the pipes open, so the plugin itself is polled at this interval.
_POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Credentials:
    """The answer of a plugin: a token, a client certificate with its key, or both.

    Attributes:
        token: "" for none.
        certificate, key: PEM; None for none.
        until: the time.time() at which they expire; None for never.
    """

    token: str = field(repr=False)
    certificate: bytes | None
    key: bytes | None = field(repr=False)
    until: float | None

    @property
    def expired(self) -> bool:
        """Whether they have expired or are about to."""
        return self.until is not None and self.until < time.time() + _SPARE_SECONDS


class PluginLogin:
    """The credentials of one user entry; its methods may be called from any thread.

    Args:
        spec: the user entry's `exec`, with a relative path in `command` made absolute.
        place: the kubeconfig, for errors.
        context: the context in use.
        cluster: the cluster, as `cluster_info` returns it.
        environ: the process' environment.
        say: gets a line if a plugin takes long.

    Raises:
        TurnupError: the kubeconfig's `exec` is invalid.
    """

    def __init__(
        self, spec: Mapping[str, Any], place: Path, context: str, cluster: Mapping[str, Any], environ: Mapping[str, str], say: Callable[[str], None]
    ) -> None:
        self._spec = spec
        self._place = place
        self._context = context
        self._cluster = cluster
        self._environ = environ
        self._say = say
        self._lock = threading.Lock()
        self._credentials: Credentials | None = None
        self._check()

    def credentials(self) -> Credentials:
        """Returns credentials that have not expired; runs the plugin if there are none.

        Raises:
            TurnupError: the plugin fails or returns no credentials; the end of its stderr is part of the error.
        """
        with self._lock:
            if self._credentials is None or self._credentials.expired:
                self._credentials = self._ask()
            return self._credentials

    def renew(self, refused: Credentials) -> bool:
        """Replaces credentials that the API server has rejected; returns whether the new ones differ.

        Raises:
            TurnupError: as for `credentials`.
        """
        with self._lock:
            if self._credentials is refused:
                self._credentials = self._ask()
            return self._credentials != refused

    def _check(self) -> None:
        spec = self._spec
        if spec.get("apiVersion") not in _VERSIONS:
            raise TurnupError(
                f"{self._place}: the login of context {self._context!r} has exec.apiVersion {spec.get('apiVersion')!r}. Write one of "
                f"{' and '.join(_VERSIONS)} that the plugin supports."
            )
        if not isinstance(spec.get("command"), str) or not spec["command"]:
            raise TurnupError(f"{self._place}: the login of context {self._context!r} has exec.command {spec.get('command')!r}. Name the plugin's program.")
        if not all(isinstance(entry, dict) and isinstance(entry.get("name"), str) for entry in spec.get("env") or []):
            raise TurnupError(
                f"{self._place}: the login of context {self._context!r} has an exec.env of a wrong form. Write a list of mappings with name and value."
            )

    def _ask(self) -> Credentials:
        """Runs the plugin once."""
        terminal = sys.stdin is not None and sys.stdin.isatty()
        mode = self._spec.get("interactiveMode") or "IfAvailable"
        if mode == "Always" and not terminal:
            raise self._failed("needs a terminal for its questions, but stdin is not a terminal", "run the command in a terminal")
        interactive = terminal and mode != "Never"
        command = [self._spec["command"], *map(str, self._spec.get("args") or [])]
        info: dict[str, Any] = {"interactive": interactive}
        if self._spec.get("provideClusterInfo"):
            info["cluster"] = self._cluster
        environ = {
            **self._environ,
            **{entry["name"]: str(entry.get("value", "")) for entry in self._spec.get("env") or []},
            "KUBERNETES_EXEC_INFO": json.dumps({"apiVersion": self._spec["apiVersion"], "kind": "ExecCredential", "spec": info}),
        }
        # The folder in which the user typed the command, as for kubectl; `bazel run` starts in the runfiles.
        folder = self._environ.get("BUILD_WORKING_DIRECTORY", "")
        try:
            with cleanup.child(
                command,
                foreground=interactive,
                env=environ,
                cwd=folder if os.path.isdir(folder) else None,
                stdin=None if interactive else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            ) as process:
                answer, words = self._listen(process)
        except OSError as error:
            raise self._failed(f"cannot be started: {error.strerror}", "install it, or correct the kubeconfig") from None
        if process.returncode != 0:
            raise self._failed(f"failed with exit code {process.returncode}: {_text(words) or 'no output'}")
        return self._credentials_of(answer)

    def _listen(self, process: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
        """Waits until a plugin has ended; returns its stdout and the end of its stderr."""
        if process.stdout is None or process.stderr is None:
            raise ValueError("stdout and stderr of the plugin must be pipes")
        started = time.monotonic()
        told = False
        heard = {process.stdout.fileno(): b"", process.stderr.fileno(): b""}
        answers, complains = heard
        with selectors.DefaultSelector() as selector:
            for number in heard:
                selector.register(number, selectors.EVENT_READ)
            while selector.get_map():
                ready = selector.select(_POLL_SECONDS)
                for key, _ in ready:
                    data = os.read(key.fd, 1 << 16)
                    heard[key.fd] += data
                    if not data:
                        selector.unregister(key.fd)
                    elif key.fd == complains:
                        heard[complains] = heard[complains][-_KEPT_BYTES:]
                        sys.stderr.write(data.decode("utf-8", "replace"))
                        sys.stderr.flush()
                    elif len(heard[answers]) > _ANSWER_BYTES:
                        raise self._failed(f"printed more than {_ANSWER_BYTES} bytes")
                if not ready and process.poll() is not None:
                    break
                told = self._check_time(time.monotonic() - started, told)
        while process.poll() is None:
            told = self._check_time(time.monotonic() - started, told)
            time.sleep(0.01)
        return heard[answers], heard[complains]

    def _check_time(self, seconds: float, told: bool) -> bool:
        """Fails a login that takes too long, and tells the user what it waits for; returns whether it has told."""
        if seconds > _DEADLINE_SECONDS:
            raise self._failed(f"has not answered for {_DEADLINE_SECONDS:.0f} s")
        if seconds > _NOTE_SECONDS and not told:
            self._say(f"waiting for the login plugin {self._spec['command']} of context {self._context}, for at most {_DEADLINE_SECONDS:.0f} s")
            return True
        return told

    def _credentials_of(self, answer: bytes) -> Credentials:
        try:
            document = json.loads(answer)
            if document["kind"] != "ExecCredential" or document["apiVersion"] != self._spec["apiVersion"]:
                raise ValueError(f"kind {document['kind']!r} of {document['apiVersion']!r}")
            status = document["status"]
            certificate, key = (status[name].encode() if status.get(name) else None for name in ("clientCertificateData", "clientKeyData"))
            token = status.get("token") or ""
            if isinstance(token, str):
                token = token_of(token, f"{self._place}: the answer of the plugin {self._spec['command']!r} of context {self._context!r}")
            if bool(certificate) != bool(key) or not isinstance(token, str) or not (token or certificate):
                raise ValueError("neither a token nor a certificate with its key")
            end = status.get("expirationTimestamp")
            until = datetime.datetime.fromisoformat(end).timestamp() if end else None
        except KeyError as error:
            raise self._failed(f"returned no ExecCredential of {self._spec['apiVersion']}: no {error.args[0]}") from None
        except RecursionError:
            raise self._failed(f"returned no ExecCredential of {self._spec['apiVersion']}: nested too deeply") from None
        except json.JSONDecodeError:
            found = "something that is not JSON" if answer.strip() else "nothing"
            raise self._failed(f"returned no ExecCredential of {self._spec['apiVersion']}: {found}") from None
        except ValueError as error:
            raise self._failed(f"returned no ExecCredential of {self._spec['apiVersion']}: {error}") from None
        except (TypeError, AttributeError, OverflowError):
            raise self._failed(f"returned no ExecCredential of {self._spec['apiVersion']}: fields of wrong types") from None
        return Credentials(token, certificate, key, until)

    def _failed(self, what: str, cure: str = "log in with your provider's tool") -> TurnupError:
        hint = _text(str(self._spec.get("installHint") or "").encode())
        return TurnupError(f"{self._place}: logging in with context {self._context!r} failed (the plugin {self._spec['command']!r} {what}); {hint or cure}.")


def cluster_info(cluster: Mapping[str, Any], ca: bytes | None) -> dict[str, Any]:
    """Returns the cluster in the form that a plugin with `provideClusterInfo` gets.

    Args:
        cluster: the kubeconfig's cluster entry.
        ca: PEM of its certificate authority; None for none.
    """
    info = {name: cluster[name] for name in ("server", "tls-server-name", "insecure-skip-tls-verify", "proxy-url") if cluster.get(name)}
    if ca:
        info["certificate-authority-data"] = base64.b64encode(ca).decode()
    for extension in cluster.get("extensions") or []:
        if extension.get("name") == f"{_GROUP}/exec":
            info["config"] = extension.get("extension")
    return info


def _text(words: bytes) -> str:
    """Returns the end of some output on one line, for an error."""
    return " ".join(strip_control_characters(words.decode("utf-8", "replace")).split())[-300:].rstrip(". ")
