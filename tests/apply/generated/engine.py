"""Drives the engine as a user does: builds the documents of targets, writes a plan, runs verbs, and keeps what they said and wrote."""

from __future__ import annotations

import io
import json
import re
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

from rules.k8s.testing.shell import Shell
from rules.k8s.tools.api.client import MERGE_PATCH, Client
from rules.k8s.tools.api.discovery import Resource
from rules.k8s.tools.build import build_tool
from rules.k8s.tools.errors import ApiError, TurnupError
from rules.k8s.tools.objects.objects import Identity

Object = dict[str, Any]
_SLOW = 20
# A stack's lease has the engine's prefix; only the engine creates leases with POST.
_RECORDS = re.compile(r"accessreviews|/leases/turnup-|/leases$")
_READS = ("GET", "HEAD")


@dataclass
class Said:
    """What a verb said and did.

    Attributes:
        code: its exit code.
        outcomes: the outcome of each object that it reported.
        messages: what it said about each of them.
        diffs: the unified diff of each object that it would change.
        errors: its error messages.
        notes: its other sentences.
        revisions: the numbers of the revisions that it listed, newest first.
        seconds: how long it took.
        writes: the requests that may have changed something, as METHOD PATH.
    """

    code: int = 0
    outcomes: dict[Identity, str] = field(default_factory=dict)
    messages: dict[Identity, str] = field(default_factory=dict)
    diffs: dict[Identity, str] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    revisions: list[int] = field(default_factory=list)
    seconds: float = 0.0
    writes: list[str] = field(default_factory=list)


def _identity(fields: dict[str, str]) -> Identity:
    return Identity(fields["group"], fields["kind"], fields["namespace"], fields["name"])


@contextmanager
def recorded() -> Iterator[list[str]]:
    """Yields the list of requests that may change something, as they are sent; dry runs, access reviews and the stack's own lease are left out."""
    found: list[str] = []
    lock, request = threading.Lock(), Client.request

    def record(client: Client, method: str, path: str, **settings: Any) -> Any:
        query = settings.get("query") or {}
        if method not in _READS and not query.get("dryRun") and not _RECORDS.search(path):
            with lock:
                found.append(f"{method} {path}")
        return request(client, method, path, **settings)

    with mock.patch.object(Client, "request", record):
        yield found


class Engine:
    """A user of the engine.

    Args:
        shell: the user's shell.
        client: client that bypasses the engine.
        folder: folder for build outputs.
    """

    def __init__(self, shell: Shell, client: Client, folder: Path) -> None:
        self.shell = shell
        self.client = client
        self._folder = folder
        self._pool = ThreadPoolExecutor(8)

    def build(self, label: str, objects: Iterable[Object], *, stable: bool = True, namespace: str = "") -> Object:
        """Returns the document that the build of a target writes.

        Raises:
            TurnupError: the build refuses an object.
        """
        manifests, normalized, resolved = (self._folder / name for name in ("manifests.json", "objects.json", "resolved.json"))
        manifests.write_text(json.dumps(list(objects)))
        settings = ["--label", label, "--context", "turnup-test", "--namespace", namespace, *(["--stable-names"] if stable else [])]
        for command in (
            ["normalize", *settings, "--output", str(normalized), str(manifests)],
            ["resolve", "--input", str(normalized), "--output", str(resolved)],
        ):
            said = io.StringIO()
            if build_tool.run(command, said):
                raise TurnupError(said.getvalue().removeprefix("ERROR: ").rstrip("\n"))
        return dict(json.loads(resolved.read_text()))

    def plan(self, label: str, documents: Iterable[Object], deps: dict[str, list[str]] | None = None) -> None:
        """Makes some documents, dependencies first, the closure that verbs act on."""
        self.shell.make_targets(*documents, label=label, deps=deps or {})

    def run(self, verb: str, *arguments: str) -> Said:
        """Runs a verb in this process."""
        started = time.monotonic()
        with recorded() as writes:
            code = self.shell.run(verb, *arguments, "--output=json")
        said = parse_events(self.shell.out, code, writes)
        said.seconds = time.monotonic() - started
        if said.seconds > _SLOW:
            print(f"slow: {verb} {' '.join(arguments)} took {said.seconds:.0f} s: {[*said.notes[-2:], *said.errors[:2]]}", flush=True)
        return said

    def create_namespace(self, name: str) -> None:
        """Creates a namespace that belongs to no stack."""
        self.client.request("POST", "/api/v1/namespaces", body={"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})

    def live(self, wanted: Iterable[tuple[Resource, str, str]]) -> list[Object | None]:
        """Returns the live object for each (resource, namespace, name), None where it is missing."""

        def read(each: tuple[Resource, str, str]) -> Object | None:
            resource, namespace, name = each
            return self.client.get_or_none(resource.path(namespace, name))

        return list(self._pool.map(read, wanted))

    def release(self, wanted: Iterable[tuple[Resource, str, str]]) -> None:
        """Removes the finalizers of each (resource, namespace, name) that only controllers would remove, which this server does not have."""

        def free(each: tuple[Resource, str, str]) -> None:
            resource, namespace, name = each
            path = resource.path(namespace, name)
            obj = self.client.get_or_none(path)
            if obj and obj["metadata"].get("finalizers") and resource.kind != "CustomResourceDefinition":
                self.client.request("PATCH", path, body={"metadata": {"finalizers": None}}, content_type=MERGE_PATCH)

        list(self._pool.map(free, wanted))

    @contextmanager
    def finishing_namespaces(self, names: list[str]) -> Iterator[None]:
        """Ends the deletion of namespaces meanwhile, as a controller does, which this server does not have."""
        ended = threading.Event()

        def finish() -> None:
            while names and not ended.wait(0.2):
                for name in names:
                    path = f"/api/v1/namespaces/{name}"
                    obj = self.client.get_or_none(path)
                    if obj and obj["metadata"].get("deletionTimestamp"):
                        with suppress(ApiError):
                            self.client.request("PUT", f"{path}/finalize", body={**obj, "spec": {"finalizers": []}})

        task = self._pool.submit(finish)
        try:
            yield
        finally:
            ended.set()
            task.result()

    def remove(self, resource: Resource, namespace: str, name: str) -> None:
        """Deletes an object if it exists, around the engine."""
        try:
            self.client.request("DELETE", resource.path(namespace, name))
        except ApiError as error:
            if error.status != 404:
                raise


def parse_events(text: str, code: int, writes: list[str]) -> Said:
    """Returns what a verb said with --output=json."""
    said = Said(code, writes=list(writes))
    for line in text.splitlines():
        event = json.loads(line)
        if event["event"] == "object":
            said.outcomes[_identity(event["object"])] = event["outcome"]
            said.messages[_identity(event["object"])] = event["message"]
        elif event["event"] == "diff":
            said.diffs[_identity(event["object"])] = event["diff"]
        elif event["event"] == "error":
            said.errors.append(event["message"])
        elif event["event"] == "revision":
            said.revisions.append(event["revision"])
        elif event["event"] == "note":
            said.notes.append(event["text"])
    return said
