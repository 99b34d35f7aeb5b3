"""The history of a stack: the last sets that it applied, kept in the cluster so that a rollback needs neither git nor a build.

A revision is one Secret of type `turnup/revision` (several if it is large) in the stack's namespace: only those who may read
Secrets there can read it. It contains the applied objects, compressed, without the values of Secrets, which only the Secrets
themselves have.
"""

from __future__ import annotations

import base64
import binascii
import datetime
import hashlib
import json
import re
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from rules.k8s.tools.api.client import MERGE_PATCH, METADATA_LIST, METADATA_ONLY, Client
from rules.k8s.tools.api.item import Item
from rules.k8s.tools.errors import ApiError, TurnupError
from rules.k8s.tools.objects.objects import LAST_APPLIED, Object, is_secret
from rules.k8s.tools.objects.plan import Entry, Plan
from rules.k8s.tools.stack.stack_location import SHARED_NAMESPACE, record_namespace, stack_namespaces

KEEP = 10
"""How many revisions of one stack are kept."""

TYPE = "turnup/revision"
STACK_LABEL = "turnup/stack"
_REVISION_LABEL = "turnup/revision"
_STACK = "turnup/stack"
_DIGEST = "turnup/digest"
_PARTS = "turnup/parts"
_OBJECTS = "turnup/objects"
_NOTE = "turnup/note"
_COMMIT = "turnup/commit"
# On a revision that was moved: when it was written.
CREATED = "turnup/created"
_OUTCOME = "turnup/outcome"
READY, FAILED, INTERRUPTED, WAITING, NOT_WAITED_FOR = "ready", "failed", "interrupted", "waiting", "not waited for"
# What a run writes before it waits, instead of an outcome: a run that is killed cannot say so.
_WAITING_UNTIL = "waiting until "
_TIME = "%Y-%m-%dT%H:%M:%SZ"
# A Secret holds at most 1 MiB.
_PART_BYTES = 768 * 1024
_MOST_PARTS = 16
# What one revision may decompress to: a limit in case somebody else wrote the Secret.
_MOST_BYTES = 256 * 1024 * 1024
# The parts of a target's document that an apply needs.
_SETTINGS = ("label", "environment", "cluster", "context", "user", "namespace", "images", "references")


@dataclass(frozen=True)
class Revision:
    """One applied set, as the list of revisions shows it.

    Attributes:
        number: counted from 1 in each stack.
        created: when it was written, RFC 3339 in UTC.
        digest: SHA-256 of its content.
        objects: how many objects it has.
        note: where the set came from if not from an apply, "" otherwise.
        names: its Secrets, the first one first.
        commit: the commit that it was applied from, with `-dirty` if files differed; "" if unknown.
        outcome: how the run ended that applied it, or a later one that waited for the same set: READY, FAILED, INTERRUPTED, WAITING
            while it may still wait, or NOT_WAITED_FOR.
        namespace: the namespace of its Secrets.
    """

    number: int
    created: str
    digest: str
    objects: int
    note: str
    names: tuple[str, ...]
    commit: str = ""
    outcome: str = NOT_WAITED_FOR
    namespace: str = ""

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths of its Secrets on the server, the first one first."""
        return tuple(f"/api/v1/namespaces/{self.namespace}/secrets/{name}" for name in self.names)


def stack_id(label: str) -> str:
    """Returns the id of a target in names and labels of Kubernetes objects: 16 digits of the SHA-256 of its label."""
    return hashlib.sha256(label.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Place:
    """Where the revisions of a stack are.

    Attributes:
        label: the stack's target.
        namespace: the namespace of the Secrets.
        id: the stack's id in their names and labels.
    """

    label: str
    namespace: str
    id: str

    @property
    def path(self) -> str:
        """The path of the namespace's Secrets on the server."""
        return f"/api/v1/namespaces/{self.namespace}/secrets"


def make_place(label: str, namespace: str, namespaces: Iterable[str]) -> Place:
    """Returns where a stack's revisions are. In SHARED_NAMESPACE their id depends on the namespaces: one target can be the stacks of several users."""
    return Place(label, namespace, stack_id(label if namespace != SHARED_NAMESPACE else f"{label}\n{','.join(namespaces)}"))


def place_of(plan: Plan) -> Place:
    """Returns where the revisions of a plan's stack are."""
    return make_place(plan.label, record_namespace(plan), stack_namespaces(plan))


def pack(entries: Iterable[Entry], items: Iterable[Item]) -> bytes:
    """Returns an applied set without the values of Secrets as bytes; equal sets give equal bytes."""
    objects: dict[str, list[Object]] = {}
    for item in items:
        objects.setdefault(item.label, []).append(_without_values(item.obj))
    content = [
        {
            "service": entry.service,
            "deps": list(entry.deps),
            "document": {**{key: entry.document[key] for key in _SETTINGS}, "missing_pins": [], "objects": objects[entry.label]},
        }
        for entry in entries
        if entry.label in objects
    ]
    return json.dumps({"version": 1, "entries": content}, sort_keys=True, separators=(",", ":")).encode()


def unpack(content: bytes, where: str) -> tuple[Entry, ...]:
    """Returns the entries that `pack` was given.

    Raises:
        TurnupError: the content is not what `pack` writes.
    """
    try:
        data = json.loads(content)
        if data["version"] != 1:
            raise TurnupError(f"{where} was written by another version of Turnup (format {data['version']!r}); use that version to roll back to it.")
        return tuple(Entry(each["document"]["label"], each["service"], tuple(each["deps"]), each["document"]) for each in data["entries"])
    except (ValueError, KeyError, TypeError):
        raise TurnupError(f"{where} is damaged; roll back to another revision with '-- --to=REVISION'.") from None


def _without_values(obj: Object) -> Object:
    if not is_secret(obj):
        return obj
    meta = obj["metadata"]
    # kubectl stores the whole Secret in an annotation; a manifest that was exported from a cluster has it.
    noted = {key: value for key, value in (meta.get("annotations") or {}).items() if key != LAST_APPLIED}
    return {**{key: value for key, value in obj.items() if key not in ("data", "stringData")}, "metadata": {**meta, "annotations": noted}}


def revisions(client: Client, plan: Plan) -> list[Revision]:
    """Returns the complete revisions of a stack, oldest first."""
    return complete_revisions(secrets_at(client, place_of(plan)))


def secrets_at(client: Client, place: Place) -> list[Object]:
    """Returns the metadata of the Secrets of a stack's revisions."""
    found = client.request("GET", place.path, query={"labelSelector": f"{STACK_LABEL}={place.id}"}, accept=METADATA_LIST)[1]
    # Labels and annotations can be copied to anything; an object that is not named like a revision belongs to somebody else.
    named = re.compile(f"turnup-revision-{place.id}-[0-9]+-[0-9]+")
    return [
        obj
        for obj in found.get("items") or []
        if (obj["metadata"].get("annotations") or {}).get(_STACK) == place.label and named.fullmatch(obj["metadata"]["name"])
    ]


def number_of(obj: Object) -> int:
    """Returns the number of the revision that a Secret is part of; 0 for none."""
    text = (obj["metadata"].get("labels") or {}).get(_REVISION_LABEL, "")
    return int(text) if text.isascii() and text.isdigit() else 0


def complete_revisions(secrets: Iterable[Object]) -> list[Revision]:
    """Returns the revisions that some Secrets are all parts of, oldest first."""
    parts: dict[int, dict[str, Object]] = {}
    for obj in secrets:
        parts.setdefault(number_of(obj), {})[obj["metadata"]["name"]] = obj
    result = []
    for number, named in sorted(parts.items()):
        firsts = [obj for obj in named.values() if _PARTS in obj["metadata"]["annotations"]]
        if number < 1 or len(firsts) != 1:
            continue
        meta = firsts[0]["metadata"]
        stem = meta["name"].rpartition("-")[0]
        count = meta["annotations"][_PARTS]
        names = tuple(f"{stem}-{part}" for part in range(int(count) if count.isascii() and count.isdigit() else 0))
        if not names or not set(names) <= set(named):
            continue
        noted = meta["annotations"]
        objects = noted.get(_OBJECTS, "")
        result.append(
            Revision(
                number,
                noted.get(CREATED) or meta.get("creationTimestamp") or "",
                noted.get(_DIGEST, ""),
                int(objects) if objects.isdigit() else 0,
                noted.get(_NOTE, ""),
                names,
                noted.get(_COMMIT, ""),
                _outcome(noted.get(_OUTCOME, "")),
                meta.get("namespace") or "",
            )
        )
    return result


def _outcome(text: str) -> str:
    """Returns the outcome that a revision's annotation states. A run that still waits after its deadline was killed."""
    if text.startswith(_WAITING_UNTIL):
        return WAITING if datetime.datetime.now(datetime.UTC).strftime(_TIME) <= text.removeprefix(_WAITING_UNTIL) else INTERRUPTED
    return text if text in (READY, FAILED, INTERRUPTED) else NOT_WAITED_FOR


def conclude(client: Client, revision: Revision, outcome: str) -> None:
    """Records how the run ended that applied a revision. A set that was ready once stays so: what fails later has another cause.

    Args:
        client: the API server.
        revision: the revision.
        outcome: READY, FAILED or INTERRUPTED.
    """
    if revision.outcome not in (READY, outcome):
        body = {"metadata": {"annotations": {_OUTCOME: outcome}}}
        client.request("PATCH", revision.paths[0], body=body, content_type=MERGE_PATCH, accept=METADATA_ONLY)


def find_recorded(client: Client, plan: Plan, items: Iterable[Item]) -> Revision | None:
    """Returns the newest revision of a stack if it is exactly what was applied, else None."""
    digest = hashlib.sha256(pack(plan.entries, items)).hexdigest()
    return next((revision for revision in revisions(client, plan)[-1:] if revision.digest == digest), None)


def record(
    client: Client, plan: Plan, items: Iterable[Item], note: str = "", commit: Callable[[], str] = str, *, seconds: float = 0.0
) -> tuple[Revision, bool]:
    """Records what was applied, unless the newest revision is the same, and removes all but the last KEEP revisions.

    Args:
        client: the API server.
        plan: the stack.
        items: what was applied.
        note: where the set came from, for the list.
        commit: returns the commit that the set is applied from, "" for none; called when a revision is written.
        seconds: how long the run is going to wait until everything is ready; 0 if it does not wait.

    Returns:
        The revision, and whether it is a new one.

    Raises:
        TurnupError: the set is too large, or the server refuses.
    """
    items = list(items)
    content = pack(plan.entries, items)
    digest = hashlib.sha256(content).hexdigest()
    place = place_of(plan)
    secrets = secrets_at(client, place)
    known = complete_revisions(secrets)
    if known and known[-1].digest == digest:
        return known[-1], False
    packed = zlib.compress(content, 9)
    parts = [packed[start : start + _PART_BYTES] for start in range(0, len(packed), _PART_BYTES)]
    if len(parts) > _MOST_PARTS or len(content) > _MOST_BYTES:
        raise TurnupError(
            f"{plan.label}: its {len(items)} objects take {len(packed) >> 20} MiB compressed, and a revision can have "
            f"{_MOST_PARTS * _PART_BYTES >> 20} MiB; split the stack to be able to roll it back."
        )
    number = max([number_of(obj) for obj in secrets], default=0) + 1
    annotations = {_STACK: plan.label, _DIGEST: digest, _OBJECTS: str(len(items)), _PARTS: str(len(parts))} | ({_NOTE: note} if note else {})
    found = commit()
    annotations |= {_COMMIT: found} if found else {}
    if seconds:
        annotations[_OUTCOME] = _WAITING_UNTIL + (datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=seconds)).strftime(_TIME)
    try:
        for part in reversed(range(len(parts))):
            # The part that makes a revision complete is written last: an interrupted write leaves no partial revision.
            post_part(client, place, number, part, base64.b64encode(parts[part]).decode(), annotations if part == 0 else {_STACK: plan.label})
    except ApiError as error:
        # A request that was sent again because its answer was lost finds the revision that it wrote itself.
        if error.status != 409 or not any(other.digest == digest for other in revisions(client, plan)[-1:]):
            raise
    kept = {revision.number for revision in known[1 - KEEP :]}
    for obj in secrets:
        if number_of(obj) not in kept:
            delete_secret(client, place, obj)
    names = tuple(f"turnup-revision-{place.id}-{number}-{part}" for part in range(len(parts)))
    return Revision(number, "", digest, len(items), note, names, found, _outcome(annotations.get(_OUTCOME, "")), place.namespace), True


def post_part(client: Client, place: Place, number: int, part: int, data: str, annotations: dict[str, str]) -> None:
    """Writes one Secret of a revision; `data` is in base64."""
    client.request(
        "POST",
        place.path,
        body={
            "apiVersion": "v1",
            "kind": "Secret",
            "type": TYPE,
            "immutable": True,
            "metadata": {
                "name": f"turnup-revision-{place.id}-{number}-{part}",
                "namespace": place.namespace,
                "annotations": annotations,
                "labels": {STACK_LABEL: place.id, _REVISION_LABEL: str(number)},
            },
            "data": {"revision": data},
        },
    )


def delete_secret(client: Client, place: Place, obj: Object) -> None:
    """Deletes a part of a revision, unless somebody has recreated it."""
    try:
        client.request(
            "DELETE",
            f"{place.path}/{obj['metadata']['name']}",
            body={"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {"uid": obj["metadata"]["uid"]}},
        )
    except ApiError as error:
        if error.status not in (404, 409):
            raise


def forget(client: Client, plan: Plan, note: Callable[[str], None]) -> None:
    """Deletes the history of a deleted stack; without the right to do so, it stays, and a note says so."""
    forget_at(client, place_of(plan), note)


def forget_at(client: Client, place: Place, note: Callable[[str], None]) -> None:
    """Deletes the revisions at a place; the other arguments are those of `forget`."""
    try:
        for obj in secrets_at(client, place):
            delete_secret(client, place, obj)
    except ApiError as error:
        if error.status != 403:
            raise
        note(f"note: this account may not delete Secrets in {place.namespace}, so the revisions of {place.label} stay there")


def read(client: Client, plan: Plan, revision: Revision) -> tuple[Entry, ...]:
    """Returns the entries of a revision.

    Raises:
        TurnupError: it is gone or damaged.
    """
    where = f"{plan.label}: revision {revision.number}"
    packed = b""
    for path in revision.paths:
        obj: Any = client.request("GET", path)[1]
        try:
            packed += base64.b64decode((obj.get("data") or {}).get("revision", ""), validate=True)
        except (binascii.Error, ValueError):
            packed = b""
    try:
        unpacker = zlib.decompressobj()
        content = unpacker.decompress(packed, _MOST_BYTES)
    except zlib.error:
        content = b""
    if hashlib.sha256(content).hexdigest() != revision.digest:
        raise TurnupError(f"{where} is damaged; roll back to another revision with '-- --to=REVISION'.")
    return unpack(content, where)
