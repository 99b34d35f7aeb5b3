"""Tests of the verbs as a user runs them, against the fake API server."""

from __future__ import annotations

import json
import socket
import time
from typing import Any

import pytest

from rules.k8s.testing.fake_server import FakeServer
from rules.k8s.testing.fixtures import fixture_server, fixture_shell  # noqa: F401 (pytest finds them by name)
from rules.k8s.testing.plans import config_map, document, namespace
from rules.k8s.tools.objects.objects import with_owner
from rules.k8s.tools.verbs.main import parse

SECRET: dict[str, Any] = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "dev"}, "stringData": {"password": "canary-7319"}}


def test_apply_creates_then_changes_nothing(shell, server):
    """The second apply of the same objects reports them as unchanged and keeps their versions."""
    shell.make(config_map("a", key="1"), config_map("b"))
    assert shell.run("apply") == 0
    assert "2 created" in shell.err
    before = [server.get(config_map(name)) for name in "ab"]

    assert shell.run("apply") == 0

    assert "2 unchanged" in shell.err
    assert [server.get(config_map(name)) for name in "ab"] == before


def test_apply_reports_what_it_changed(shell, server):
    """An edited object is configured; the others are unchanged."""
    shell.make(config_map("a", key="1"), config_map("b"))
    shell.run("apply")
    shell.make(config_map("a", key="2"), config_map("b"))

    assert shell.run("apply") == 0

    assert "configured  ConfigMap dev/a" in shell.err
    assert "1 configured, 1 unchanged" in shell.err
    assert server.get(config_map("a"))["data"] == {"key": "2"}


def test_apply_waits_for_its_own_namespace(shell, server):
    """An object is sent again until the namespace of the same closure exists, wherever that is in the closure."""
    refused = []

    def slow_namespace(request):
        if request.path == "/api/v1/namespaces/new/configmaps/a" and request.method == "PATCH" and len(refused) < 3:
            refused.append(request)
            return 404, {"reason": "NotFound", "message": 'namespaces "new" not found'}
        return None

    server.refuse = slow_namespace
    shell.make(config_map("a", "new"), namespace("new"))

    assert shell.run("apply") == 0
    assert len(refused) == 3


def test_missing_namespace_is_one_sentence(shell, server):
    """A namespace that nothing creates is named, with the command that creates it, and nothing is written."""
    shell.make(config_map("b"), config_map("a", "nowhere"))

    assert shell.run("apply") == 1
    assert shell.err.splitlines()[-1] == (
        "ERROR: //svc:dev: ConfigMap nowhere/a: the namespace 'nowhere' does not exist; create it with 'bazel run //prod:setup.apply'."
    )
    assert server.writes == []


def test_apply_waits_for_its_own_definition(shell, server):
    """A custom resource is sent again until the definition in the same closure serves its path."""
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced", "names": {"kind": "Thing", "plural": "things"}, "versions": [{"name": "v1"}]},
    }
    thing = {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "t", "namespace": "dev"}}
    tries = []

    def establish(request):
        if request.path.endswith("/things/t") and request.method == "PATCH":
            tries.append(request)
            if len(tries) == 3:
                server.kinds.append(("example.com/v1", "Thing", "things", True))

    server.refuse = establish
    shell.make(thing, definition)

    assert shell.run("apply") == 0
    assert server.get(thing)


def test_unknown_kind_writes_nothing(shell, server):
    """A kind that the cluster does not serve ends the run before the first write."""
    shell.make(config_map("a"), {"apiVersion": "apps/v2", "kind": "Deployment", "metadata": {"name": "d"}})

    assert shell.run("apply") == 1
    assert "ERROR: //svc:dev: Deployment d: the cluster does not serve kind Deployment in apps/v2; use apiVersion apps/v1." in shell.err
    assert server.writes == []


def test_an_environment_holds_nothing_that_others_would_share(shell, server):
    """A cluster-scoped custom resource, which only the cluster recognizes as one, is refused before anything is written."""
    server.kinds.append(("example.com/v1", "Zone", "zones", False))
    zone = {"apiVersion": "example.com/v1", "kind": "Zone", "metadata": {"name": "z", "namespace": "dev"}}
    shell.make(config_map("a"), zone, environment="dev")

    assert shell.run("apply") == 1
    assert "Zone z is cluster-scoped, so dev would share it with every other environment. Move it to //prod:setup or use a namespaced kind." in shell.err
    assert server.writes == []


def test_other_context_is_refused(shell, server):
    """A request for another context than the target's exits with 3 and sends nothing."""
    shell.make(config_map("a"))

    assert shell.run("apply", "--context", "production") == 3
    assert "is made for context 'turnup-test', not for 'production'; nothing was sent" in shell.err
    assert server.requests == []


def test_missing_context_names_the_cure(shell, server):
    """If the kubeconfig lacks the context, the error lists its contexts and says how to get the right one."""
    shell.make(config_map("a"), context="turnup-other")

    assert shell.run("apply") == 1
    assert "has no context 'turnup-other' (it has: turnup-test). Run './turnup cluster create'" in shell.err
    assert "TURNUP_CONTEXT" in shell.err
    assert server.requests == []


def test_context_that_moved_is_refused(shell, server, tmp_path):
    """A context of another server than at its first use is refused until it is accepted."""
    shell.make(config_map("a"))
    assert shell.run("apply") == 0
    with FakeServer() as other:
        other.put(namespace("dev"))
        shell.use(other.kubeconfig())

        assert shell.run("apply") == 3
        assert f"leads to {other.url}, but led to {server.url}" in shell.err
        assert other.requests == []

        assert shell.run("apply", "--accept-cluster") == 0
        assert shell.run("apply") == 0


def test_own_cluster_is_known_by_its_authority(shell, server, tmp_path):
    """A context of a cluster that Turnup created must have that cluster's certificate authority."""
    pki = tmp_path / "clusters" / "test" / "pki"
    pki.mkdir(parents=True)
    (pki / "ca.crt").write_text("-----BEGIN CERTIFICATE-----\n")
    shell.make(config_map("a"))

    assert shell.run("apply") == 3
    assert "is not the cluster recorded under that name; nothing was sent" in shell.err
    assert server.requests == []


def test_other_cluster_entry_is_refused(shell, server):
    """A target for one cluster refuses a context that uses another."""
    shell.make(config_map("a"), cluster="production")

    assert shell.run("apply") == 3
    assert "is made for cluster 'production', but context 'turnup-test'" in shell.err
    assert server.requests == []


def test_unreachable_server_is_one_sentence(shell, tmp_path):
    """A server that refuses connections is named within seconds."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    config = json.loads((tmp_path / "kubeconfig").read_text())
    config["clusters"][0]["cluster"]["server"] = f"http://127.0.0.1:{port}"
    (tmp_path / "kubeconfig").write_text(json.dumps(config))
    shell.make(config_map("a"))
    started = time.monotonic()

    assert shell.run("apply") == 1

    assert time.monotonic() - started < 10
    assert shell.err == (
        f"ERROR: the API server http://127.0.0.1:{port} of context 'turnup-test' does not answer (connection refused); "
        "start it ('./turnup cluster start'), or correct the kubeconfig.\n"
    )


def test_silent_server_is_named_in_time(shell, tmp_path):
    """A server that accepts connections and does not answer counts as unreachable within 10 s."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        config = json.loads((tmp_path / "kubeconfig").read_text())
        config["clusters"][0]["cluster"]["server"] = f"http://127.0.0.1:{silent.getsockname()[1]}"
        (tmp_path / "kubeconfig").write_text(json.dumps(config))
        shell.make(config_map("a"))
        started = time.monotonic()

        assert shell.run("apply") == 1

    assert time.monotonic() - started < 10
    assert "does not answer (timed out)" in shell.err


def test_refused_credentials_are_one_sentence(shell, server):
    """Status 401 gives an error that the credentials are not accepted."""
    server.refuse = lambda request: (401, {"message": "Unauthorized"})
    shell.make(config_map("a"))

    assert shell.run("apply") == 1
    assert "the server rejected the credentials of context 'turnup-test' (401)" in shell.err


def test_missing_pin_is_refused_before_anything(shell, server):
    """An environment without a pin fails with the command that pins it, before any request."""
    shell.make_targets(document("//python/server:dev", [config_map("a")], environment="dev", missing_pins=["server"]))

    assert shell.run("apply") == 1
    assert shell.err == (
        "ERROR: //python/server:dev has no pin for image 'server'. Nothing was sent. Write the pins with 'bazel run //svc:pin -- dev', "
        "or with --from=ENV as well to copy those of another environment.\n"
    )
    assert server.requests == []
    assert shell.run("show") == 0


def test_conflict_names_manager_and_cure(shell, server):
    """The error for a field of another manager names the manager and the option that takes the field over."""
    cause = {"reason": "FieldManagerConflict", "message": 'conflict with "kubectl-edit" using v1', "field": ".data.key"}
    server.refuse = lambda request: (
        (409, {"reason": "Conflict", "message": "conflict", "details": {"causes": [cause]}})
        if request.method == "PATCH" and "force" not in request.query
        else None
    )
    shell.make(config_map("a", key="1"))

    assert shell.run("apply") == 1
    assert "another manager owns .data.key (managed by 'kubectl-edit')" in shell.err
    assert "--force-conflicts" in shell.err
    assert shell.run("apply", "--force-conflicts") == 0


def test_object_of_another_target_is_refused(shell, server):
    """An object that another target applied stays until the user adopts it."""
    shell.make_targets(document("//other:dev", [config_map("a", key="1")]), label="//other:dev-deep")
    shell.run("apply")
    shell.make(config_map("a", key="2"))

    assert shell.run("apply") == 1
    assert "ConfigMap dev/a belongs to //other:dev, which applied it" in shell.err
    assert server.get(config_map("a"))["data"] == {"key": "1"}
    assert shell.run("apply", "--adopt") == 0


def test_one_object_in_two_targets_is_refused(shell, server):
    """An object in `default` and the same one without a namespace are one object: both targets are named, and nothing is written."""
    server.put(namespace("default"))
    server.kinds.append(("example.com/v1", "Note", "notes", True))
    unnamed = {"apiVersion": "example.com/v1", "kind": "Note", "metadata": {"name": "same"}}
    named = {**unnamed, "metadata": {"name": "same", "namespace": "default"}}
    shell.make_targets(document("//a:dev", [named], namespace=""), document("//b:dev", [unnamed], namespace=""))

    assert shell.run("apply") == 1
    assert "//a:dev and //b:dev both hold Note default/same (an object without a namespace is in 'default'). Nothing was sent." in shell.err
    shell.make_targets(document("//a:dev", [named, unnamed], namespace=""))
    assert shell.run("apply") == 1 and "//a:dev holds Note default/same twice" in shell.err
    assert not server.writes


def test_create_refuses_what_exists(shell, server):
    """Create creates all objects, or none if one exists."""
    server.put(config_map("a"))
    shell.make(config_map("a"), config_map("b"))

    assert shell.run("create") == 1
    assert "ConfigMap dev/a is already in the cluster; nothing was sent" in shell.err
    assert server.get(config_map("b")) is None


def test_replace_drops_foreign_fields(shell, server):
    """Replace leaves exactly what the manifest says; it refuses a missing object."""
    server.put(with_owner(config_map("a", mine="1", theirs="2"), "//svc:dev"))
    shell.make(config_map("a", mine="1"))
    assert shell.run("replace") == 0
    assert server.get(config_map("a"))["data"] == {"mine": "1"}

    shell.make(config_map("a"), config_map("absent"))
    assert shell.run("replace") == 1
    assert "ConfigMap dev/absent is not in the cluster; use .create or .apply. Nothing was written." in shell.err


def test_delete_in_reverse_and_only_its_own(shell, server):
    """Delete goes from dependents to dependencies, and keeps foreign objects and kinds that hold data."""
    shell.make_targets(document("//redis:dev", [namespace("own"), config_map("redis", "own")]), document("//svc:dev", [config_map("svc")]))
    shell.run("apply")
    server.put(config_map("foreign"))
    shell.make_targets(
        document("//redis:dev", [namespace("own"), config_map("redis", "own"), config_map("foreign")]), document("//svc:dev", [config_map("svc")])
    )

    assert shell.run("delete") == 0

    deleted = [request.path.rpartition("/")[2] for request in server.requests if request.method == "DELETE" and "/configmaps/" in request.path]
    assert deleted[:2] == ["svc", "redis"]
    assert server.get(config_map("foreign")) and server.get(namespace("own")) and server.get(namespace("dev"))
    assert "kept        ConfigMap dev/foreign" in shell.err


def test_diff_exit_codes(shell, server):
    """Diff exits with 0 without a difference, 1 with one and 2 on an error, and writes nothing."""
    shell.make(config_map("a", key="1"))
    shell.run("apply")
    assert (shell.run("diff"), shell.out) == (0, "")

    writes = len(server.writes)
    shell.make(config_map("a", key="2"))
    assert shell.run("diff") == 1
    assert "-  key: '1'\n+  key: '2'\n" in shell.out
    assert len(server.writes) == writes

    assert shell.run("diff", "--context", "other") == 2
    assert shell.run("diff", "--wait") == 2


def test_secrets_stay_secret(shell, server):
    """No output of show, apply, diff, describe or an error contains a Secret's value, plain or in base64."""
    encoded = "Y2FuYXJ5LTczMTk="
    shell.make(SECRET)
    seen = ""
    for verb in ("show", "diff", "apply", "describe"):
        shell.run(verb)
        seen += shell.out + shell.err
    shell.make({**SECRET, "stringData": {**SECRET["stringData"], "other": "1"}})
    server.refuse = lambda request: (422, {"reason": "Invalid", "message": f"canary-7319 or {encoded} is invalid"}) if request.method == "PATCH" else None
    assert shell.run("apply") == 1
    seen += shell.err

    assert "canary-7319" not in seen and encoded not in seen
    assert "***" in seen and "is invalid" in seen


def test_describe_tells_absent_objects(shell):
    """Describe names the objects that are not in the cluster."""
    shell.make(config_map("a"))

    assert shell.run("describe") == 0
    assert "Not in the cluster." in shell.out


@pytest.mark.parametrize(("verb", "taken", "refused"), [("show", "--context", "--wait"), ("delete", "--delete-data", "--adopt")])
def test_help_shows_what_the_verb_takes(capsys, verb, taken, refused):
    """The help of a verb shows its options and no others."""
    with pytest.raises(SystemExit):
        parse(verb, ["--help"])

    shown = capsys.readouterr().out
    assert taken in shown
    assert refused not in shown


@pytest.mark.parametrize(
    ("verb", "argument", "message"),
    [
        ("show", "--wait", ".show does not take --wait"),
        ("apply", "--wait=soon", "'soon' is not a duration"),
        ("apply", "--unknown", ".apply does not take '--unknown'"),
        ("delete", "--force-conflicts", ".delete does not take --force-conflicts"),
    ],
)
def test_usage_errors(shell, verb, argument, message):
    """Arguments that a verb does not take give exit code 2 and one sentence."""
    shell.make(config_map("a"))

    assert shell.run(verb, argument) == 2
    assert message in shell.err


def test_a_cluster_that_cannot_be_recorded_is_reported(shell, server):
    """If the user's state cannot be written, the run continues and reports once that the context is not tied to its cluster."""
    shell.make(config_map("a"))
    (shell.folder / "state").write_text("a file where the folder should be")

    assert shell.run("apply") == 0, shell.err
    assert [line for line in shell.err.splitlines() if line.startswith("note: ")] == [
        (
            f"note: {shell.folder}/state/turnup/contexts cannot be written (Not a directory), so later runs will not notice if context 'turnup-test' leads to "
            "another cluster"
        )
    ]
