"""A small API server in this process, for unit tests: enough of the protocol for the verbs.

    with FakeServer() as server:
        server.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "dev"}})
        …
        server.requests   # all requests, in order

It serves discovery, reads, server-side apply (a merge that records only the last manager), replace, delete by UID, lists by
label and watches. Tests of anything else in the protocol use a real server (real_server.py).
"""

from __future__ import annotations

import copy
import datetime
import json
import re
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

CONTEXT = "turnup-test"

# apiVersion, kind, plural, namespaced
KINDS = [
    ("v1", "Namespace", "namespaces", False),
    ("v1", "ConfigMap", "configmaps", True),
    ("v1", "Secret", "secrets", True),
    ("v1", "Service", "services", True),
    ("v1", "Pod", "pods", True),
    ("v1", "Event", "events", True),
    ("apps/v1", "Deployment", "deployments", True),
    ("apps/v1", "StatefulSet", "statefulsets", True),
    ("coordination.k8s.io/v1", "Lease", "leases", True),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions", False),
]

_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"

Answer = tuple[int, Any]


@dataclass(frozen=True)
class Request:
    """A request that the server received."""

    method: str
    path: str
    query: dict[str, str]
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Upgrade:
    """A request to become a WebSocket; a parameter of its query may have several values."""

    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]


class FakeServer:
    """The server, as a context manager: it runs between enter and exit.

    Attributes:
        requests: every request, in order.
        refuse: called with each request before it is served; if it returns an (HTTP status, body),
            that is the answer.
        logs: the logs of containers: `NAMESPACE/POD/CONTAINER` → the text.
        after_log: called with the path of a log after all but its last byte was sent, and at its end.
        require_namespace: answer 404 for objects in namespaces that do not exist.
        subresources: the last part of a path → what answers a write to it, with the path of the object and the body.
        upgrade: serves a request to become a WebSocket, on the connection's socket.
    """

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.refuse: Callable[[Request], Answer | None] = lambda request: None
        self.logs: dict[str, str] = {}
        self.after_log: Callable[[str], object] = lambda path: None
        self.require_namespace = True
        self.subresources: dict[str, Callable[[str, Any], Answer]] = {}
        self.upgrade: Callable[[Upgrade, socket.socket], object] = lambda upgrade, connection: None
        self.kinds = list(KINDS)
        self._objects: dict[str, dict[str, Any]] = {}
        self._events: list[tuple[int, str, str, dict[str, Any]]] = []
        self._version = 100
        self._changed = threading.Condition()
        self._http = _Http(self)
        self.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-system"}})

    def __enter__(self) -> Self:
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._http.shutdown()
        self._http.server_close()

    @property
    def url(self) -> str:
        """The server's address."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def kubeconfig(self, context: str = CONTEXT) -> dict[str, Any]:
        """Returns a kubeconfig with one context of this server."""
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": context,
            "clusters": [{"name": "fake", "cluster": {"server": self.url}}],
            "users": [{"name": "tester", "user": {"token": "not-a-secret"}}],
            "contexts": [{"name": context, "context": {"cluster": "fake", "user": "tester"}}],
        }

    @property
    def writes(self) -> list[Request]:
        """The requests that would change something."""
        return [request for request in self.requests if request.method != "GET" and request.query.get("dryRun") != "All" and request.path != _REVIEWS]

    def path_of(self, obj: dict[str, Any]) -> str:
        """Returns the path of an object."""
        version, _, plural, namespaced = next(kind for kind in self.kinds if kind[:2] == (obj["apiVersion"], obj["kind"]))
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        meta = obj["metadata"]
        return f"{root}/namespaces/{meta['namespace']}/{plural}/{meta['name']}" if namespaced else f"{root}/{plural}/{meta['name']}"

    def get(self, obj: dict[str, Any]) -> dict[str, Any] | None:
        """Returns the stored object of the same identity."""
        return copy.deepcopy(self._objects.get(self.path_of(obj)))

    def paths(self) -> list[str]:
        """Returns the paths of all stored objects, sorted."""
        return sorted(self._objects)

    def put(self, obj: dict[str, Any]) -> dict[str, Any]:
        """Stores an object as a controller would, and sends it to the watches."""
        return self._store(self.path_of(obj), obj)

    def remove(self, obj: dict[str, Any]) -> None:
        """Removes an object, and sends that to the watches."""
        self._drop(self.path_of(obj))

    def _store(self, path: str, obj: dict[str, Any]) -> dict[str, Any]:
        with self._changed:
            before = self._objects.get(path)
            fresh = copy.deepcopy(obj)
            meta = fresh.setdefault("metadata", {})
            if (
                before
                and {**before["metadata"], "resourceVersion": ""} == {**meta, "resourceVersion": "", "uid": before["metadata"]["uid"]}
                and {**before, "metadata": 0} == {**fresh, "metadata": 0}
            ):
                return copy.deepcopy(before)
            self._version += 1
            meta.update(uid=before["metadata"]["uid"] if before else f"uid-{self._version}", resourceVersion=str(self._version))
            self._objects[path] = fresh
            self._events.append((self._version, path, "MODIFIED" if before else "ADDED", copy.deepcopy(fresh)))
            self._changed.notify_all()
            return copy.deepcopy(fresh)

    def _drop(self, path: str) -> None:
        with self._changed:
            gone = self._objects.pop(path)
            self._version += 1
            gone["metadata"]["resourceVersion"] = str(self._version)
            self._events.append((self._version, path, "DELETED", gone))
            self._changed.notify_all()

    def answer(self, request: Request, body: Any) -> Answer:
        """Serves one request that is not a watch."""
        self.requests.append(request)
        refused = self.refuse(request)
        if refused:
            return refused
        if request.path in ("/api", "/apis"):
            return 200, self._discovery(request.path == "/apis")
        found = self._objects.get(request.path)
        of, _, subresource = request.path.rpartition("/")
        if request.method != "GET" and subresource in self.subresources:
            return self.subresources[subresource](of, body)
        if request.method == "GET":
            if found:
                return 200, copy.deepcopy(found)
            if self._collection(request.path):
                field, _, uid = request.query.get("fieldSelector", "").partition("involvedObject.uid=")
                items = [
                    copy.deepcopy(obj)
                    for path, obj in sorted(self._objects.items())
                    if request.path in _collections(path)
                    and _selected(obj, request.query.get("labelSelector", ""))
                    and (field or uid in ("", (obj.get("involvedObject") or {}).get("uid")))
                ]
                return 200, {"items": items, "metadata": {"resourceVersion": str(self._version)}}
            return _status(404, "NotFound", "not found")
        if request.method == "DELETE":
            if not found:
                return _status(404, "NotFound", "not found")
            if (body or {}).get("dryRun") != ["All"]:  # Only the body counts, as on a real server.
                self._drop(request.path)
            return 200, {"kind": "Status"}
        return self._write(request, body, found)

    def _write(self, request: Request, body: Any, found: dict[str, Any] | None) -> Answer:
        if request.method == "POST" and request.path == _REVIEWS:
            return 201, {**body, "status": {"allowed": True}}
        if request.method == "POST":
            path = f"{request.path}/{body['metadata'].get('name') or body['metadata']['generateName'] + 'x'}"
            if path in self._objects:
                return _status(409, "AlreadyExists", "already exists")
            return self._write(Request("PUT", path, request.query), body, None)
        parts = request.path.split("/")
        if not self._collection(request.path.rpartition("/")[0]):
            return _status(404, "NotFound", "the server could not find the requested resource")
        if "namespaces" in parts[:-2] and self.require_namespace:
            namespace = parts[parts.index("namespaces") + 1]
            if f"/api/v1/namespaces/{namespace}" not in self._objects:
                return _status(404, "NotFound", f'namespaces "{namespace}" not found')
        merged = _merge(found or {}, body) if request.method == "PATCH" else body
        if request.query.get("fieldManager") and request.method == "PATCH" and "apiVersion" in body:  # a server-side apply
            _note_manager(merged, body, found, request.query["fieldManager"])
        if request.query.get("dryRun") == "All":
            return 200, merged
        return (200 if found else 201), self._store(request.path, merged)

    def _collection(self, path: str) -> bool:
        parts = path.strip("/").split("/")
        version = "/".join(parts[1:3]) if parts[0] == "apis" else parts[1]
        return any(kind[0] == version and kind[2] == parts[-1] for kind in self.kinds)

    def _discovery(self, groups: bool) -> dict[str, Any]:
        items: dict[str, dict[str, list[dict[str, Any]]]] = {}
        for version, kind, plural, namespaced in self.kinds:
            group, _, number = version.rpartition("/")
            if bool(group) == groups:
                items.setdefault(group, {}).setdefault(number, []).append(
                    {"resource": plural, "responseKind": {"kind": kind}, "scope": "Namespaced" if namespaced else "Cluster"}
                )
        return {
            "kind": "APIGroupDiscoveryList",
            "items": [
                {"metadata": {"name": group}, "versions": [{"version": version, "resources": resources} for version, resources in versions.items()]}
                for group, versions in items.items()
            ],
        }

    def changes(self, path: str, since: int, seconds: float) -> list[tuple[int, str, dict[str, Any]]]:
        """Returns the changes below a collection after a version; waits a while for the first."""

        def found() -> list[tuple[int, str, dict[str, Any]]]:
            return [(version, kind, obj) for version, where, kind, obj in self._events if version > since and where.rpartition("/")[0] == path]

        with self._changed:
            self._changed.wait_for(lambda: bool(found()), seconds)
            return found()


def _note_manager(merged: dict[str, Any], body: dict[str, Any], found: dict[str, Any] | None, manager: str) -> None:
    """Records in managedFields what a manager applied last, and when it last changed something."""
    applied = {key: value for key, value in body.items() if key not in ("apiVersion", "kind")}
    applied["metadata"] = {key: value for key, value in body["metadata"].items() if key not in ("name", "namespace")}
    entry = {
        "manager": manager,
        "operation": "Apply",
        "apiVersion": body["apiVersion"],
        "fieldsType": "FieldsV1",
        "fieldsV1": _fields({key: value for key, value in applied.items() if value}),
    }
    before = ((found or {}).get("metadata") or {}).get("managedFields") or [{}]
    same = found is not None and _merge(found, body) == found and {**before[0], "time": 0} == {**entry, "time": 0}
    time = before[0]["time"] if same else datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    merged["metadata"]["managedFields"] = [{**entry, "time": time}]


def _fields(value: Any) -> dict[str, Any]:
    return {f"f:{key}": _fields(inner) for key, inner in value.items()} if isinstance(value, dict) else {}


def _collections(path: str) -> tuple[str, str]:
    """Returns the collections that an object is in: of its namespace, and of all namespaces."""
    own = path.rpartition("/")[0]
    return own, re.sub(r"/namespaces/[^/]+(?=/)", "", own)


def _selected(obj: dict[str, Any], selector: str) -> bool:
    """Returns whether an object has the labels of a selector: `key`, `key=value` or `key in (a,b)`."""
    labels = obj["metadata"].get("labels") or {}
    key, _, values = selector.replace(" in (", "=(").partition("=")
    return not selector or (key in labels and (not values or labels[key] in values.strip("()").split(",")))


def _merge(old: Any, new: Any) -> Any:
    if isinstance(old, dict) and isinstance(new, dict):
        return {**old, **{key: _merge(old.get(key), value) for key, value in new.items()}}
    return copy.deepcopy(new)


def _status(code: int, reason: str, message: str) -> Answer:
    return code, {"kind": "Status", "code": code, "reason": reason, "message": message}


class _Http(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, server: FakeServer):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.fake = server


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body are two writes. Without this the second waits 40 ms until the first is acknowledged.
    disable_nagle_algorithm = True
    server: _Http

    def _serve(self) -> None:
        url = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        request = Request(self.command, url.path, query, tuple(self.headers.items()))
        refused = self.server.fake.refuse(request) if query.get("watch") else None
        if query.get("watch") and not refused:
            self._watch(url.path, int(query["resourceVersion"]), float(query["timeoutSeconds"]))
            return
        if self.headers.get("Upgrade") == "websocket" and not (refused := self.server.fake.refuse(request)):
            self.server.fake.requests.append(request)
            self.server.fake.upgrade(Upgrade(url.path, parse_qs(url.query, keep_blank_values=True), dict(self.headers.items())), self.connection)
            self.close_connection = True
            return
        if not refused and url.path.endswith("/log"):
            self._log(url.path, query)
            return
        status, answer = refused or self.server.fake.answer(request, body)
        data = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_PATCH = do_PUT = do_POST = do_DELETE = _serve

    def _log(self, path: str, query: dict[str, str]) -> None:
        parts = path.split("/")
        self.server.fake.requests.append(Request("GET", path, query))
        text = self.server.fake.logs.get(f"{parts[4]}/{parts[6]}/{query['container']}")
        data = (text or "").encode()
        self.send_response(200 if text is not None else 400)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for part in filter(None, (data[:-1], data[-1:])):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
            self.server.fake.after_log(path)
        self.wfile.write(b"0\r\n\r\n")

    def _watch(self, path: str, since: int, seconds: float) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while True:
            for version, kind, obj in self.server.fake.changes(path, since, min(seconds, 5.0)):
                since = max(since, version)
                data = json.dumps({"type": kind, "object": obj}).encode() + b"\n"
                try:
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
                except OSError:
                    return

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class' name)
        """Prints nothing, to keep the tests' output clean."""
