"""Tests of which images are used."""

import base64
import subprocess
import zlib

import pytest

from cli.registry.usage import Usage, read_cluster, read_workspace
from cluster.common.errors import TurnupError
from cluster.common.fake_process import FakeRunner
from cluster.common.process import ProcessRunner
from rules.k8s.tools.errors import ApiError

REGISTRY = "172.19.0.2:31000"


def digest(number: int) -> str:
    """Returns a digest."""
    return f"sha256:{number:064x}"


class FakeClient:
    """A client of a cluster with some objects.

    Args:
        collections: the objects by the path of their collection; an int is the status of a refusal.
    """

    def __init__(self, **collections):
        self.collections = {"/" + path.replace("__", "/"): items for path, items in collections.items()}
        self.asked = []
        self.connection = type("Connection", (), {"context": "here"})

    def request(self, method, path, query):
        """Answers a list, two objects a page."""
        assert method == "GET"
        self.asked.append((path, query.get("fieldSelector", "")))
        found = self.collections.get(path, [])
        if isinstance(found, int):
            raise ApiError(found, "Reason", "no")
        start = int(query["continue"] or 0)
        more = str(start + 2) if found[start + 2 :] else ""
        return 200, {"items": found[start : start + 2], "metadata": {"continue": more}}


def in_cluster(client, note=lambda line: None) -> Usage:
    """Returns what is used in a cluster."""
    usage = Usage(REGISTRY)
    read_cluster(usage, client, note)
    return usage


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        (f'"{REGISTRY}/shop/app:v1"', {"shop/app:v1"}),
        (f"image: {REGISTRY}/app\n", {"app:latest"}),
        (f"{REGISTRY}/app:v1@{digest(1)}", set()),
        (f"{REGISTRY}/app@{digest(1)}", set()),
        (f"{REGISTRY}0/app:v1 other/app:v1", set()),
        (f"'{REGISTRY}/a:x', '{REGISTRY}/b/c_d.e-f:1.2_3-4'", {"a:x", "b/c_d.e-f:1.2_3-4"}),
    ],
)
def test_tags_of_the_registry(text, tags):
    """Only tags of this registry count, and no tag beside a digest."""
    usage = Usage(REGISTRY)
    usage.read(text)

    assert usage.tags == tags
    assert usage.digests == ({digest(1)} if digest(1) in text else set())


def test_files_of_the_workspace(tmp_path):
    """Committed, new and changed files count, whatever their names; ignored and deleted ones do not."""
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    files = {"pins.yaml": 1, "a/b.jsonnet": 2, "nöt\nes.txt": 3, "ignored.txt": 4, "deleted.yaml": 5}
    for name, number in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"\xff\xfe image: x@" + digest(number).encode() + b"\n")
    (tmp_path / ".gitignore").write_text("ignored.txt\n")
    subprocess.run(["git", "-C", tmp_path, "add", "pins.yaml", "deleted.yaml"], check=True)
    (tmp_path / "deleted.yaml").unlink()
    (tmp_path / "link").symlink_to("nowhere")
    usage = Usage(REGISTRY)
    with ProcessRunner() as runner:
        read_workspace(usage, tmp_path, runner)

    assert usage.digests == {digest(1), digest(2), digest(3)}


def test_a_workspace_without_git(tmp_path):
    """Without the list of files nothing may be deleted."""
    runner = FakeRunner()
    runner.answer("ls-files", code=128)

    with pytest.raises(TurnupError, match="git cannot list the files, so the pins are not known"):
        read_workspace(Usage(REGISTRY), tmp_path, runner)


@pytest.mark.parametrize(
    "path",
    [
        "api__v1__pods", "api__v1__podtemplates", "api__v1__replicationcontrollers", "apis__apps__v1__controllerrevisions", "apis__apps__v1__daemonsets",
        "apis__apps__v1__deployments", "apis__apps__v1__replicasets", "apis__apps__v1__statefulsets", "apis__batch__v1__cronjobs", "apis__batch__v1__jobs",
    ],
)  # fmt: skip
def test_workloads(path):
    """Every kind that has pods counts, with all pages of its list."""
    objects = [
        {"spec": {"anywhere": [{"image": f"{REGISTRY}/app@{digest(number)}"}]}, "status": {"imageID": f"x@{digest(number + 10)}"}} for number in range(5)
    ]

    assert in_cluster(FakeClient(**{path: objects})).digests == {digest(number + more) for number in range(5) for more in (0, 10)}


def revision(stem: str, content: bytes, parts: int = 1, **changes) -> list[dict]:
    """Returns the Secrets of a revision, the last part first."""
    packed = zlib.compress(content, 0)
    step = -(-len(packed) // parts)
    secrets = []
    for part in reversed(range(parts)):
        data = {"revision": base64.b64encode(packed[part * step : (part + 1) * step]).decode()}
        secrets.append({"type": "turnup/revision", "metadata": {"name": f"{stem}-{part}", "namespace": "dev"}, "data": data, **changes})
    return secrets


def test_revisions():
    """The images of all revisions are used, also of one in several Secrets; other Secrets are not read."""
    client = FakeClient(
        api__v1__secrets=[
            *revision("turnup-revision-x-1", f'"{REGISTRY}/app@{digest(1)}"'.encode()),
            *revision("turnup-revision-x-2", f'"{digest(2)}" {"y" * 900} "{digest(3)}"'.encode(), parts=12),
            *revision("other-1", digest(4).encode(), type="Opaque"),
        ]
    )
    notes = []

    assert in_cluster(client, notes.append).digests == {digest(1), digest(2), digest(3)}
    assert notes == []
    assert ("/api/v1/secrets", "type=turnup/revision") in client.asked


@pytest.mark.parametrize("data", [{}, {"revision": "!"}, {"revision": "eA=="}, {"revision": base64.b64encode(zlib.compress(b"x" * 9999)[:-9]).decode()}])
def test_a_damaged_revision_is_named(data):
    """The others still count."""
    notes = []
    broken = revision("turnup-revision-x-1", b"", data=data)
    usage = in_cluster(FakeClient(api__v1__secrets=[*broken, *revision("turnup-revision-x-2", digest(2).encode())]), notes.append)

    assert usage.digests == {digest(2)}
    assert notes == ["note: the revision turnup-revision-x-1 in namespace dev is damaged, so the images that it names are not known"]


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (403, "cronjobs cannot be listed (403 Reason), and they may use images; ask for the right to list cronjobs in all namespaces"),
        (500, "run this again"),
    ],
)
def test_a_list_that_is_refused(status, sentence):
    """Without a list nothing may be deleted; a cluster without the kind has none."""
    with pytest.raises(TurnupError) as caught:
        in_cluster(FakeClient(apis__batch__v1__cronjobs=status))

    assert sentence in str(caught.value)
    assert in_cluster(FakeClient(apis__batch__v1__cronjobs=404)).digests == set()
