"""Tests of what a run must not touch or reveal: other namespaces, other users' objects, values of Secrets; and of its minimal rights."""

from __future__ import annotations

import base64
import json
import threading
import time
from pathlib import Path
from typing import Any

from rules.k8s.testing.plans import config_map, deployment, document
from rules.k8s.testing.shell import LABEL
from rules.k8s.tools.api.client import MERGE_PATCH
from rules.k8s.tools.errors import ApiError
from rules.k8s.tools.objects.hashed_names import hash_names
from rules.k8s.tools.stack.history import STACK_LABEL, stack_id
from rules.k8s.tools.stack.inventory import PART_OF, STACK
from tests.apply.stacks import IMAGE, custom, definition, live_objects, make_stack, placed, unpacked

_WRITES = ("create", "update", "patch", "delete", "deletecollection")
CANARY = "canary-value-7715"
FORMS = (
    CANARY,
    base64.b64encode(CANARY.encode()).decode(),
    base64.b64encode(f"x{CANARY}".encode()).decode()[4:-4],
    base64.b64encode(f"xx{CANARY}".encode()).decode()[4:-4],
)
"""How the canary may look: as it is, in base64, and inside of longer values in base64 (at each offset)."""


def every_verb(shell, place: str) -> None:
    """Runs every verb that ends by itself on a stack of ten services, in an order in which each has work to do."""
    for version, verbs in (
        (1, ("show", "graph", "diff", "create", "status", "describe")),
        (2, ("diff", "apply", "rollback --list", "rollback", "apply --prune", "replace")),
    ):
        make_stack(shell, place, version)
        for words in verbs:
            code = shell.run(*words.split())
            assert code == 0 or (words == "diff" and code == 1) or (words == "status" and code == 1), f"{words}: {shell.err}"
    make_stack(shell, place, 2)
    for words in ("apply --prune", "delete"):
        assert shell.run(*words.split()) == 0, shell.err


def test_no_write_outside_the_namespace(shell, client, server, home):
    """By the server's audit log, all verbs on an environment's stack write only into its namespace."""
    seen = len(server.audit())
    every_verb(shell, home)

    # A SelfSubjectAccessReview is a "create" request, and stores nothing.
    writes = [event for event in server.audit()[seen:] if event["verb"] in _WRITES and event["objectRef"].get("apiGroup") != "authorization.k8s.io"]
    assert len(writes) > 100
    assert {event["objectRef"].get("namespace", "") for event in writes} == {home}


def foreign_objects(place: str) -> list[dict[str, Any]]:
    """Returns objects of other users: plain ones, and some that look like the stack's own."""
    disguise = {
        "annotations": {"turnup/target": "//web:dev", "turnup/base-name": "web-settings"},
        "labels": {"turnup/base-name": "web-settings", PART_OF: "applyset-somebody-elses-v1", "app": "web"},
    }
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "foreign", "namespace": place},
        "spec": {"containers": [{"name": "main", "image": "registry.example/x"}]},
    }
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "foreign", "namespace": place},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}},
    }
    kinds = [
        pod,
        claim,
        custom("Foreignthing", "foreign", place),
        config_map("foreign", place, key="1"),
        placed(deployment("foreign", image="x"), place),
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "foreign", "namespace": place}, "stringData": {"key": "theirs"}},
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "foreign", "namespace": place}, "spec": {"ports": [{"port": 80}]}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "foreign", "namespace": place}},
    ]
    # One belongs to another target in another stack, and one has only the annotation of this stack's target.
    other = config_map("of-another-stack", place)
    other["metadata"]["annotations"] = {"turnup/target": "//other:dev"}
    alike = config_map("looks-like-ours", place)
    alike["metadata"] |= disguise
    # A user's copy of a Secret of the stack's history, under another name.
    revision = {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "turnup/revision",
        "stringData": {"revision": "theirs"},
        "metadata": {
            "name": "copy-of-a-revision",
            "namespace": place,
            "annotations": {STACK: LABEL, "turnup/parts": "1"},
            "labels": {STACK_LABEL: stack_id(LABEL), "turnup/revision": "99"},
        },
    }
    return [*kinds, other, alike, revision]


def create_early(client, path: str, obj: dict[str, Any]) -> None:
    """Creates an object whose definition may be new."""
    deadline = time.monotonic() + 20
    while True:
        try:
            client.request("POST", path, body=obj)
            return
        except ApiError as error:
            if error.status != 404 or time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def test_foreign_objects_stay_as_they_are(shell, client, home):
    """Every object of another user, whatever it looks like, is byte for byte the same after all verbs have run."""
    crd = definition("Foreignthing")
    client.request("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", body=crd)
    foreign = foreign_objects(home)
    plurals = {
        "Pod": "pods",
        "PersistentVolumeClaim": "persistentvolumeclaims",
        "Foreignthing": "foreignthings",
        "Secret": "secrets",
        "Service": "services",
        "ServiceAccount": "serviceaccounts",
        "ConfigMap": "configmaps",
        "Deployment": "deployments",
    }
    planted = []
    for obj in foreign:
        root = f"/api/{obj['apiVersion']}" if "/" not in obj["apiVersion"] else f"/apis/{obj['apiVersion']}"
        path = f"{root}/namespaces/{home}/{plurals[obj['kind']]}"
        create_early(client, path, obj)
        planted.append(f"{path}/{obj['metadata']['name']}")
    before = [client.request("GET", path)[1] for path in planted]

    every_verb(shell, home)
    make_stack(shell, home, 2)
    assert shell.run("apply") == 0, shell.err
    assert shell.run("delete", "--delete-data") == 0, shell.err

    assert [client.request("GET", path)[1] for path in planted] == before


def test_a_foreign_object_under_our_name_is_refused(shell, client, home):
    """If an object of another user has a name that the stack needs, no verb changes it."""
    client.request("POST", f"/api/v1/namespaces/{home}/configmaps", body=config_map("wanted", home, theirs="1"), query={"fieldManager": "jane"})
    path = f"/api/v1/namespaces/{home}/configmaps/wanted"
    before = client.request("GET", path)[1]
    shell.make_targets(document("//svc:dev", [config_map("wanted", home, ours="1"), config_map("free", home)], namespace=home))

    for verb in ("apply", "create", "replace"):
        assert shell.run(verb) == 1, verb
    assert shell.run("apply", "--force-conflicts") == 1 and "was created by 'jane'" in shell.err
    assert shell.run("delete") == 0
    assert client.request("GET", path)[1] == before


def secrets(place: str, suffix: str = "") -> list[dict[str, Any]]:
    """Returns Secrets that have the canary in every possible place."""
    value = CANARY + suffix
    meta = {"namespace": place}
    encoded = base64.b64encode(value.encode()).decode()
    return hash_names(
        [
            {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "plain", **meta}, "stringData": {"password": value}},
            {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "encoded", **meta}, "data": {"password": encoded}},
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {
                    "name": "stable",
                    **meta,
                    "annotations": {
                        "turnup/stable-name": "true",
                        "kubectl.kubernetes.io/last-applied-configuration": json.dumps({"data": {"password": encoded}}),
                    },
                },
                "data": {"password": encoded},
            },
            {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "lines", **meta}, "stringData": {"key": f"begin\n{value}\nend\n"}},
        ]
    )


def test_no_byte_of_a_secret(shell, client, home, tmp_path, monkeypatch):
    """No verb, in any output mode, prints a Secret's value or leaves it in a file, in the history, the inventory or any other object."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    shell.environ |= {"TMPDIR": str(temporary), "TURNUP_DEBUG": "1"}
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    told = []

    def run(*words: str) -> None:
        for output in ("plain", "json"):
            shell.run(*words, f"--output={output}")
            told.append(shell.out + shell.err)

    for suffix in ("", "-changed"):
        shell.make_targets(document("//svc:dev", [*secrets(home, suffix), placed(deployment("web", image=IMAGE + "a" * 64), home)], namespace=home))
        for words in ("show", "diff", "apply", "diff --prune", "status", "describe", "graph", "rollback --list"):
            run(*words.split())
    run("rollback")
    run("replace")
    kept = {
        str(identity): unpacked(obj)
        for identity, obj in live_objects(client, [home]).items()
        if identity.kind != "Secret" or obj.get("type") == "turnup/revision"
    }
    assert any("turnup-revision" in name for name in kept) and any("turnup-svc" in name for name in kept)
    assert [name for name, text in kept.items() if any(form in text for form in FORMS)] == []

    # The server's errors quote the values of a rejected object.
    broken = [
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "tls", "namespace": home}, "type": "kubernetes.io/tls", "stringData": {"tls.crt": CANARY}},
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "bad", "namespace": home}, "data": {"not base64": CANARY}},
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "typed", "namespace": home}, "stringData": {"key": {"inner": CANARY}}},
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "other", "namespace": home, "labels": {"a": "b c"}}, "stringData": {"key": CANARY}},
    ]
    for obj in broken:
        shell.make_targets(document("//svc:dev", [obj], namespace=home))
        for verb in ("apply", "diff", "replace"):
            run(verb)
    # One exists only in the cluster, and is immutable.
    client.request(
        "POST",
        f"/api/v1/namespaces/{home}/secrets",
        body={
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "fixed", "annotations": {"turnup/target": "//svc:dev"}},
            "immutable": True,
            "stringData": {"password": CANARY},
        },
    )
    shell.make_targets(
        document(
            "//svc:dev",
            [
                {
                    "apiVersion": "v1",
                    "kind": "Secret",
                    "metadata": {"name": "fixed", "namespace": home},
                    "immutable": True,
                    "stringData": {"password": "another"},
                }
            ],
            namespace=home,
        )
    )
    for verb in ("diff", "apply", "describe", "delete"):
        run(verb)

    assert len(told) > 60
    assert [text for text in told if any(form in text for form in FORMS)] == []
    # The plan contains the build's manifests, with the values. All other files of a run are checked.
    files = [path for path in tmp_path.rglob("*") if path.is_file() and Path("runfiles") not in map(Path, path.relative_to(tmp_path).parts)]
    assert files and [str(path) for path in files if any(form.encode() in path.read_bytes() for form in FORMS)] == []


def test_rights_in_one_namespace_are_enough(shell, client, server, home):
    """A ServiceAccount with all rights in its namespace, and none outside, can run every verb."""
    rbac = "rbac.authorization.k8s.io"
    base = f"/apis/{rbac}/v1/namespaces/{home}"
    client.request("POST", f"/api/v1/namespaces/{home}/serviceaccounts", body={"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "robot"}})
    client.request(
        "POST",
        f"{base}/roles",
        body={
            "apiVersion": f"{rbac}/v1",
            "kind": "Role",
            "metadata": {"name": "own"},
            "rules": [{"apiGroups": ["", "apps", "coordination.k8s.io"], "resources": ["*"], "verbs": ["*"]}],
        },
    )
    client.request(
        "POST",
        f"{base}/rolebindings",
        body={
            "apiVersion": f"{rbac}/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "own"},
            "roleRef": {"apiGroup": rbac, "kind": "Role", "name": "own"},
            "subjects": [{"kind": "ServiceAccount", "name": "robot", "namespace": home}],
        },
    )
    token = client.request(
        "POST", f"/api/v1/namespaces/{home}/serviceaccounts/robot/token", body={"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    )[1]["status"]["token"]
    config = json.loads(server.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": token}
    shell.use(config)
    every_verb(shell, home)

    def play_controllers(done: threading.Event) -> None:
        while not done.wait(0.2):
            for obj in client.request("GET", f"/apis/apps/v1/namespaces/{home}/deployments")[1]["items"]:
                client.request(
                    "PATCH",
                    f"/apis/apps/v1/namespaces/{home}/deployments/{obj['metadata']['name']}/status",
                    content_type=MERGE_PATCH,
                    body={
                        "status": {
                            "observedGeneration": obj["metadata"]["generation"],
                            "replicas": 1,
                            "updatedReplicas": 1,
                            "readyReplicas": 1,
                            "availableReplicas": 1,
                        }
                    },
                )

    make_stack(shell, home, 1)
    done = threading.Event()
    player = threading.Thread(target=play_controllers, args=(done,), daemon=True)
    player.start()
    try:
        assert shell.run("apply", "--wait=60s") == 0, shell.err
        assert shell.run("wait", "--timeout=60s") == 0, shell.err
        assert shell.run("status") == 0, shell.out
    finally:
        done.set()
        player.join()
