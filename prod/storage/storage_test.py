"""Tests of the provisioner with an API server in memory, and of its manifests."""

import json
from pathlib import Path

import pytest

from prod.storage import main
from prod.storage.plan import CLASS, PROVISIONED_BY, PROVISIONER, SELECTED_NODE, plan

FOLDER = "/var/lib/volumes"


def claim(name, node="one", phase="Pending", cls=CLASS, **metadata):
    """A claim whose pod the scheduler has put onto a node."""
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
    """Keeps claims and volumes as the API server does."""

    def __init__(self, *claims):
        self.claims = list(claims)
        self.volumes = {}
        self.shows_volumes = True

    def request(self, method, path, body=None):
        """Answers the four requests that the provisioner sends."""
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
    """One claim that waits for node one."""
    return FakeApi(claim("a"))


@pytest.fixture
def provisioner(api, tmp_path):
    """Node one's provisioner, whose node's file system is a temporary folder."""
    return main.Provisioner(api, "one", FOLDER, tmp_path)


def test_a_waiting_claim_gets_a_folder_and_a_volume(api, provisioner, tmp_path):
    """The volume is bound to its claim and its node; anybody's pod can write to its folder."""
    provisioner.round()

    (volume,) = api.volumes.values()
    assert volume["spec"]["claimRef"]["uid"] == "uid-a"
    assert volume["spec"]["capacity"] == {"storage": "1Gi"}
    assert volume["spec"]["storageClassName"] == CLASS
    folder = tmp_path / FOLDER.lstrip("/") / "pvc-uid-a"
    assert volume["spec"]["local"]["path"] == f"{FOLDER}/pvc-uid-a"
    assert folder.stat().st_mode & 0o777 == 0o777
    assert folder.parent.stat().st_mode & 0o777 == 0o700


def test_rounds_are_idempotent(api, provisioner):
    """A second round makes nothing, even when the server's cache does not show the volume yet."""
    provisioner.round()
    api.shows_volumes = False

    provisioner.round()

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
def test_other_claims_are_left_alone(other):
    """Another node's, unscheduled, bound, another class's and dying claims are none of ours."""
    assert plan([other], [], "one", FOLDER).make == []


def test_a_released_volume_goes_with_its_data(api, provisioner, tmp_path):
    """When the claim is gone, folder and volume go, on its own node only."""
    provisioner.round()
    folder = tmp_path / FOLDER.lstrip("/") / "pvc-uid-a"
    (folder / "file").write_text("data")
    api.claims.clear()
    api.volumes["pvc-uid-a"]["status"] = {"phase": "Released"}

    main.Provisioner(api, "two", FOLDER, tmp_path).round()
    stayed = (folder / "file").exists()
    provisioner.round()

    assert stayed
    assert not folder.exists()
    assert api.volumes == {}


def test_an_edited_path_removes_nothing_else(api, provisioner, tmp_path):
    """What goes is the folder of the volume's name, wherever the volume says that it lies."""
    provisioner.round()
    other = tmp_path / FOLDER.lstrip("/") / "other"
    other.mkdir()
    api.claims.clear()
    api.volumes["pvc-uid-a"]["status"] = {"phase": "Released"}
    api.volumes["pvc-uid-a"]["spec"]["local"]["path"] = f"{FOLDER}/other"

    provisioner.round()

    assert other.exists()
    assert not (tmp_path / FOLDER.lstrip("/") / "pvc-uid-a").exists()


def test_other_provisioners_volumes_stay(api):
    """A released volume that somebody else made is none of ours."""
    foreign = {"metadata": {"name": "x", "annotations": {PROVISIONED_BY: "other"}}, "status": {"phase": "Released"}}

    assert plan([], [foreign], "one", FOLDER).remove == []


def test_a_missing_variable_is_one_sentence(capsys):
    """Started outside its pod it says what is missing."""
    assert main.main([], {"NODE_NAME": "one"}) == 2
    assert "ERROR: storage: VOLUMES_DIR and KUBERNETES_SERVICE_HOST" in capsys.readouterr().err


def test_manifests_agree_with_the_code():
    """Class and provisioner have the code's names, and every object is conditional."""
    objects = json.loads(Path("prod/storage/storage.json").read_text()).values()
    (cls,) = [obj for obj in objects if obj["kind"] == "StorageClass"]

    assert (cls["metadata"]["name"], cls["provisioner"]) == (CLASS, PROVISIONER)
    for obj in objects:
        assert obj["metadata"]["annotations"]["turnup/only-without"] == "default-storage-class"
