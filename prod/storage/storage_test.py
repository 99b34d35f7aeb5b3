"""Tests of the provisioner, with an API server in memory, and of its manifests."""

import json
import logging
import re
import threading
from pathlib import Path

import pytest

from prod.storage import main
from prod.storage.plan import CLASS, PROVISIONED_BY, PROVISIONER, SELECTED_NODE, plan

FOLDER = "/var/lib/volumes"


def claim(name, node="one", phase="Pending", cls=CLASS, **metadata):
    """Returns a claim; the scheduler has assigned its pod to a node."""
    return {
        "metadata": {
            "name": name,
            "namespace": "dev",
            "uid": f"uid-{name}",
            "annotations": {SELECTED_NODE: node} if node else {},
            **metadata,
        },
        "spec": {
            "storageClassName": cls,
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
        },
        "status": {"phase": phase},
    }


class FakeApi:
    """An API server that stores claims and volumes in memory."""

    def __init__(self, *claims):
        self.claims = list(claims)
        self.volumes = {}
        self.shows_volumes = True

    def request(self, method, path, body=None):
        """Answers the provisioner's four requests."""
        if method == "GET" and path.startswith("/api/v1/persistentvolumeclaims"):
            return {"items": self.claims}
        if method == "GET":
            return {"items": list(self.volumes.values()) if self.shows_volumes else []}
        name = body["metadata"]["name"] if body else path.rpartition("/")[2]
        if method == "POST":
            if name in self.volumes:
                raise main.ApiError("POST: 409 Conflict", 409)
            self.volumes[name] = body
        elif self.volumes.pop(name, None) is None:
            raise main.ApiError("DELETE: 404 Not Found", 404)
        return {}


@pytest.fixture
def api():
    """Returns an API server with one claim that waits for node one."""
    return FakeApi(claim("a"))


@pytest.fixture
def provisioner(api, tmp_path):
    """Returns node one's provisioner, with a temporary folder as the node's file system."""
    return main.Provisioner(api, "one", FOLDER, tmp_path)


def test_a_waiting_claim_gets_a_folder_and_a_volume(api, provisioner, tmp_path):
    """The volume is bound to its claim and its node, and any user can write to its folder."""
    provisioner.reconcile()

    (volume,) = api.volumes.values()
    assert volume["spec"]["claimRef"]["uid"] == "uid-a"
    assert volume["spec"]["capacity"] == {"storage": "1Gi"}
    assert volume["spec"]["storageClassName"] == CLASS
    folder = tmp_path / FOLDER.lstrip("/") / "pvc-uid-a"
    assert volume["spec"]["local"]["path"] == f"{FOLDER}/pvc-uid-a"
    assert folder.stat().st_mode & 0o777 == 0o777
    assert folder.parent.stat().st_mode & 0o777 == 0o700


def test_reconcile_is_idempotent(api, provisioner):
    """A second call creates nothing, even if the server's cache does not have the volume yet."""
    provisioner.reconcile()
    api.shows_volumes = False

    provisioner.reconcile()

    assert len(api.volumes) == 1


@pytest.mark.parametrize(
    "other",
    [
        claim("a", node="two"),
        claim("a", node=""),
        claim("a", phase="Bound"),
        claim("a", cls="another"),
        claim("a", deletionTimestamp="2026-01-01T00:00:00Z"),
    ],
)
def test_other_claims_are_ignored(other):
    """Claims of other nodes or classes, and unscheduled, bound and terminating claims get no volume."""
    assert plan([other], [], "one", FOLDER).create == []


def test_a_released_volume_is_deleted_with_its_data(api, provisioner, tmp_path):
    """When a claim is gone, only the node that stores its volume deletes folder and volume."""
    provisioner.reconcile()
    folder = tmp_path / FOLDER.lstrip("/") / "pvc-uid-a"
    (folder / "file").write_text("data")
    api.claims.clear()
    api.volumes["pvc-uid-a"]["status"] = {"phase": "Released"}

    main.Provisioner(api, "two", FOLDER, tmp_path).reconcile()
    stayed = (folder / "file").exists()
    provisioner.reconcile()

    assert stayed
    assert not folder.exists()
    assert api.volumes == {}


def test_an_edited_path_deletes_nothing_else(api, provisioner, tmp_path):
    """The folder with the volume's name is deleted, whatever path the volume has."""
    provisioner.reconcile()
    other = tmp_path / FOLDER.lstrip("/") / "other"
    other.mkdir()
    api.claims.clear()
    api.volumes["pvc-uid-a"]["status"] = {"phase": "Released"}
    api.volumes["pvc-uid-a"]["spec"]["local"]["path"] = f"{FOLDER}/other"

    provisioner.reconcile()

    assert other.exists()
    assert not (tmp_path / FOLDER.lstrip("/") / "pvc-uid-a").exists()


def test_other_provisioners_volumes_stay(api):
    """A released volume of another provisioner is not deleted."""
    other = {"metadata": {"name": "x", "annotations": {PROVISIONED_BY: "other"}}, "status": {"phase": "Released"}}

    assert plan([], [other], "one", FOLDER).delete == []


def test_a_volume_of_an_older_version_is_deleted_with_its_data(api, provisioner, tmp_path):
    """A volume with the provisioner's old name is treated like one with the new name."""
    provisioner.reconcile()
    volume = api.volumes["pvc-uid-a"]
    volume["metadata"]["annotations"][PROVISIONED_BY] = "turnup.dev/node-local"
    provisioner.reconcile()
    assert api.volumes == {"pvc-uid-a": volume}
    api.claims.clear()
    volume["status"] = {"phase": "Released"}

    provisioner.reconcile()

    assert not (tmp_path / FOLDER.lstrip("/") / "pvc-uid-a").exists()
    assert api.volumes == {}


def test_a_missing_variable_is_one_sentence(capsys):
    """Outside its pod the program names the missing variables and exits with 2."""
    assert main.main([], {"NODE_NAME": "one"}) == 2
    assert "ERROR: storage: VOLUMES_DIR, KUBERNETES_SERVICE_HOST, KUBERNETES_SERVICE_PORT not set; run" in capsys.readouterr().err


def test_the_same_error_is_logged_once(monkeypatch, caplog):
    """An error that repeats is logged once, and again after it has changed."""
    stop, errors = threading.Event(), ["one", "one", "two", "one"]

    class Failing:
        """A provisioner that fails, and stops the loop with its last error."""

        def reconcile(self):
            """Raises the next error."""
            text = errors.pop(0)
            if not errors:
                stop.set()
            raise OSError(text)

    monkeypatch.setattr(main, "EVERY_S", 0)
    with caplog.at_level(logging.WARNING):
        main.run(Failing(), stop)

    assert caplog.messages == ["one", "two", "one"]


def test_log_lines_have_utc_time(capsys):
    """A log line has its time in UTC with milliseconds, its level and its text."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        main.configure_logging()
        logging.getLogger("x").info("text %d", 1)
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)

    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO text 1\n", capsys.readouterr().err)


def test_manifests_agree_with_the_code():
    """Class and provisioner have the same names as in the code, and every object is conditional."""
    objects = json.loads(Path("prod/storage/storage.json").read_text()).values()
    (cls,) = [obj for obj in objects if obj["kind"] == "StorageClass"]

    assert (cls["metadata"]["name"], cls["provisioner"]) == (CLASS, PROVISIONER)
    # The provisioner of a class of an older version is immutable; volumes don't depend on the class.
    assert cls["metadata"]["annotations"]["turnup/on-immutable"] == "recreate"
    for obj in objects:
        assert obj["metadata"]["annotations"]["turnup/only-without"] == "default-storage-class"
