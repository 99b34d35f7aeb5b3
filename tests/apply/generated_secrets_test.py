"""Tests of Secrets with values that the cluster alone has (`turnup/generate`), with a real API server."""

from __future__ import annotations

import base64
import json
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from rules.k8s.testing.plans import config_map, document
from rules.k8s.testing.real_server import CONTEXT
from rules.k8s.testing.shell import Shell
from rules.k8s.tools.api.client import Client
from rules.k8s.tools.kubeconfig.kubeconfig import load
from rules.k8s.tools.masking.mask import Redactor
from rules.k8s.tools.masking.secret_forms import byte_forms
from tests.apply.stacks import exists, live_objects, unpacked

# Runs before a verb: writes the Secret with another value, as another person's run does, right before this run writes it.
_OVERTAKEN = """
import base64
from rules.k8s.tools.api.client import APPLY_PATCH, Client
request, done = Client.request, []
def overtaken(self, method, path, **options):
    if method in ("PATCH", "PUT") and path.endswith("/secrets/login") and not (options.get("query") or {}).get("dryRun") and not done:
        done.append(path)
        body = {**options["body"], "data": {"password": base64.b64encode(b"of-the-other-person").decode()}}
        body["metadata"] = {key: value for key, value in body["metadata"].items() if key in ("name", "namespace", "annotations", "labels")}
        request(self, "PATCH", path, body=body, content_type=APPLY_PATCH, query={"fieldManager": "turnup"})
    return request(self, method, path, **options)
Client.request = overtaken
"""


def secret(place: str, keys: str = "password", name: str = "login", **fields: Any) -> dict[str, Any]:
    """Returns a Secret with generated values."""
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": place, "annotations": {"turnup/generate": keys}}, **fields}


def make(shell: Shell, place: str, *objects: dict[str, Any]) -> None:
    """Writes the plan of a target with some objects."""
    shell.make_targets(document("//svc:dev", objects, namespace=place))


def read(client: Client, place: str, name: str = "login") -> dict[str, Any]:
    """Returns the live Secret."""
    obj: dict[str, Any] = client.request("GET", f"/api/v1/namespaces/{place}/secrets/{name}")[1]
    return obj


def values(client: Client, place: str) -> dict[str, str]:
    """Returns the live values, decoded."""
    return {key: base64.b64decode(value).decode() for key, value in read(client, place)["data"].items()}


def test_a_value_is_made_once_and_kept(shell, client, home):
    """An apply makes a value for each key, further ones only for keys that are new; no verb that writes changes one."""
    make(shell, home, secret(home, data={"user": base64.b64encode(b"me").decode()}))
    assert shell.run("diff") == 1 and "+  password: generated\n" in shell.out and "user: '***'" in shell.out
    assert not exists(client, f"/api/v1/namespaces/{home}/secrets/login")
    assert shell.run("apply") == 0, shell.err
    first = read(client, home)
    password = values(client, home)["password"]
    assert re.fullmatch("[A-Za-z0-9]{32}", password) and values(client, home)["user"] == "me"

    assert shell.run("diff") == 0 and shell.out == ""
    assert shell.run("apply") == 0 and "1 unchanged" in shell.err
    assert shell.run("replace") == 0, shell.err
    assert values(client, home)["password"] == password
    assert shell.run("apply") == 0, shell.err
    assert values(client, home) == {"password": password, "user": "me"} and read(client, home)["metadata"]["uid"] == first["metadata"]["uid"]

    make(shell, home, secret(home, "password, other"), config_map("more", home))
    assert shell.run("diff") == 1 and "+  other: generated\n" in shell.out and "password: '***'" in shell.out
    assert shell.run("apply") == 0, shell.err
    second = values(client, home)
    assert second.keys() == {"password", "other"} and second["password"] == password and re.fullmatch("[A-Za-z0-9]{32}", second["other"])
    assert shell.run("rollback") == 0, shell.err
    assert values(client, home) == second and not exists(client, f"/api/v1/namespaces/{home}/configmaps/more")

    make(shell, home, secret(home, "other"))
    assert shell.run("apply") == 0, shell.err
    assert values(client, home) == {"other": second["other"]}
    assert shell.run("diff") == 0 and shell.run("apply") == 0 and "1 unchanged" in shell.err


def test_it_goes_with_prune_and_delete_and_comes_back_with_another_value(shell, client, home):
    """A Secret that leaves the stack is deleted like any other; whoever deletes it gets another value from the next apply."""
    path = f"/api/v1/namespaces/{home}/secrets/login"
    seen = set()
    make(shell, home, secret(home), config_map("stays", home))
    assert shell.run("apply") == 0, shell.err
    seen.add(values(client, home)["password"])
    client.request("DELETE", path)
    assert shell.run("diff") == 1 and "password: generated" in shell.out
    assert shell.run("apply") == 0, shell.err
    seen.add(values(client, home)["password"])
    make(shell, home, config_map("stays", home))
    assert shell.run("apply", "--prune") == 0 and not exists(client, path)
    make(shell, home, secret(home), config_map("stays", home))
    assert shell.run("create") == 1 and not exists(client, path)
    assert shell.run("apply") == 0, shell.err
    seen.add(values(client, home)["password"])
    assert shell.run("delete") == 0 and not exists(client, path)
    assert len(seen) == 3


def test_values_of_others_are_kept(shell, client, home):
    """A value that a person sets, and that of a Secret that is adopted, count as generated; an empty one does not."""
    path = f"/api/v1/namespaces/{home}/secrets/login"
    theirs = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "login"}, "stringData": {"password": "from-before", "extra": "1"}}
    client.request("POST", path.rpartition("/")[0], body=theirs, query={"fieldManager": "kubectl-create"})
    make(shell, home, secret(home))
    assert shell.run("apply") == 1 and "from-before" not in shell.err
    assert shell.run("apply", "--adopt") == 0, shell.err
    assert values(client, home)["password"] == "from-before"
    edit = {"stringData": {"password": "set-by-hand"}}
    client.request("PATCH", path, body=edit, content_type="application/merge-patch+json", query={"fieldManager": "kubectl-edit"})
    assert shell.run("diff") == 0 and shell.run("apply") == 0, shell.err
    assert values(client, home)["password"] == "set-by-hand"
    client.request("PATCH", path, body={"stringData": {"password": ""}}, content_type="application/merge-patch+json", query={"fieldManager": "turnup"})
    assert shell.run("apply") == 0, shell.err
    assert len(values(client, home)["password"]) == 32


def test_a_recreated_secret_keeps_its_values(shell, client, home):
    """A Secret that is deleted and created again because its type changes has the same values."""
    first = secret(home)
    first["metadata"]["annotations"]["turnup/on-immutable"] = "recreate"
    make(shell, home, first)
    assert shell.run("apply") == 0, shell.err
    before = read(client, home)
    make(shell, home, {**first, "type": "example.com/login"})
    assert shell.run("apply") == 0, shell.err

    after = read(client, home)
    assert after["type"] == "example.com/login" and after["metadata"]["uid"] != before["metadata"]["uid"] and after["data"] == before["data"]


def test_no_output_or_record_has_a_value(shell, client, home, tmp_path):
    """No verb prints a value or leaves it in a file, a revision, an inventory or any object but the Secret."""
    shell.environ |= {"TURNUP_DEBUG": "1", "TMPDIR": str(tmp_path)}
    told = []
    for keys in ("password", "password, other"):
        make(shell, home, secret(home, keys), config_map(f"with-{len(keys)}", home))
        for words in ("show", "diff", "apply", "diff --prune", "status", "describe", "graph", "rollback --list"):
            for output in ("plain", "json"):
                shell.run(*words.split(), f"--output={output}")
                told.append(shell.out + shell.err)
    for words in ("rollback", "replace", "describe"):
        shell.run(*words.split())
        told.append(shell.out + shell.err)
    forms = {form for value in values(client, home).values() for form in byte_forms(value.encode())} | set(values(client, home).values())
    assert len(values(client, home)) == 2 and len(told) > 30
    assert [text for text in told if any(form in text for form in forms)] == []
    others = {str(identity): unpacked(obj) for identity, obj in live_objects(client, [home]).items() if identity.name != "login"}
    assert any("turnup-revision" in name for name in others) and [name for name, text in others.items() if any(form in text for form in forms)] == []
    # Its own annotations and managedFields neither.
    assert not any(form in json.dumps(read(client, home)["metadata"]) for form in forms)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files and [path for path in files if any(form.encode() in Path(path).read_bytes() for form in forms)] == []


def test_a_value_that_was_just_made_is_masked(server, home):
    """What prints during the very run that makes a value masks it, and so does one that only reads it."""
    from rules.k8s.tools.api.discovery import Resource
    from rules.k8s.tools.api.item import Item
    from rules.k8s.tools.objects.objects import identity
    from rules.k8s.tools.preflight.generated_secrets import GeneratedSecrets

    redact, client, obj = Redactor(), Client(load(server.kubeconfig, CONTEXT)), secret(home)
    item = Item("//svc:dev", obj, Resource("v1", "Secret", "secrets", True), identity(obj))
    with ThreadPoolExecutor() as executor:
        (filled,) = GeneratedSecrets(client, redact.learn).fill_all([item], executor)
    value = filled.obj["data"]["password"]

    assert redact(f"{value} {base64.b64decode(value).decode()}") == "*** ***"


def test_two_people_get_the_same_value(shell, server, client, home, tmp_path):
    """If two people apply at the same time, both succeed, there is one value, and neither run changes it afterwards."""
    folder = tmp_path / "second"
    folder.mkdir()
    users = [shell, Shell(folder, json.loads(server.kubeconfig.read_text()))]
    for user in users:
        make(user, home, secret(home))
    racing = [user.start("apply", stdout=subprocess.PIPE) for user in users]
    ended = [process.communicate(timeout=120)[0] for process in racing]
    assert [process.returncode for process in racing] == [0, 0], ended
    version = read(client, home)["metadata"]["resourceVersion"]
    for user in users:
        assert user.run("apply") == 0 and "1 unchanged" in user.err
    assert read(client, home)["metadata"]["resourceVersion"] == version


@pytest.mark.parametrize(("verb", "exists_before"), [("apply", False), ("apply", True), ("replace", True)])
def test_a_value_that_comes_first_wins(shell, client, home, verb, exists_before):
    """A run that the lease does not protect, and that is overtaken by another one, takes over that one's value."""
    if exists_before:
        make(shell, home, secret(home, "other"))
        assert shell.run("apply") == 0, shell.err
    make(shell, home, secret(home))
    process = shell.start(verb, program=_OVERTAKEN, stdout=subprocess.PIPE)
    text = process.communicate(timeout=120)[0]

    assert process.returncode == 0, text
    assert values(client, home) == {"password": "of-the-other-person"}
    assert "of-the-other-person" not in text and "of-the-other-person" not in unpacked(read(client, home)["metadata"])


def test_an_account_that_may_not_read_the_secret(shell, client, server, home):
    """Without the right to read the Secret nothing is written, and one sentence says so."""
    rbac = "rbac.authorization.k8s.io"
    base = f"/apis/{rbac}/v1/namespaces/{home}"
    client.request("POST", f"/api/v1/namespaces/{home}/serviceaccounts", body={"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "robot"}})
    rules = [
        {"apiGroups": ["", "coordination.k8s.io"], "resources": ["configmaps", "leases"], "verbs": ["*"]},
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["create", "patch"]},
    ]
    client.request("POST", f"{base}/roles", body={"apiVersion": f"{rbac}/v1", "kind": "Role", "metadata": {"name": "own"}, "rules": rules})
    binding = {
        "apiVersion": f"{rbac}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "own"},
        "roleRef": {"apiGroup": rbac, "kind": "Role", "name": "own"},
        "subjects": [{"kind": "ServiceAccount", "name": "robot", "namespace": home}],
    }
    client.request("POST", f"{base}/rolebindings", body=binding)
    token = client.request(
        "POST", f"/api/v1/namespaces/{home}/serviceaccounts/robot/token", body={"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    )[1]["status"]["token"]
    config = json.loads(server.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": token}
    shell.use(config)
    make(shell, home, secret(home), config_map("other", home))

    for verb in ("apply", "diff", "replace"):
        assert shell.run(verb) == (2 if verb == "diff" else 1), verb
        assert shell.err.splitlines()[-1] == (
            f"ERROR: //svc:dev: Secret {home}/login: this account may not read the Secret, and values of its annotation turnup/generate must be "
            f"kept. Ask for the right to get Secrets in {home}."
        )
    assert not exists(client, f"/api/v1/namespaces/{home}/configmaps/other")
