"""Tests of `turnup registry` against a fake cluster and a fake registry."""

import base64
import io
import json

import pytest

from cli import main
from cli.registry.commands import age, size
from cluster.common.fake_process import FakeRunner
from rules.image.tools.testing.fake_registry import FakeRegistry
from rules.k8s.testing.fake_server import CONTEXT, FakeServer

PASSWORD = "s3cret-of-the-cluster"
LOGIN = "Basic " + base64.b64encode(f"turnup:{PASSWORD}".encode()).decode()
DAY = 24 * 3600


def digest(number: int) -> str:
    """Returns a digest."""
    return f"sha256:{number:064x}"


def stored(number: int, repository: str = "app", **changes) -> dict:
    """Returns an image as the registry lists it."""
    blobs = [{"digest": digest(100), "size": 5000}, {"digest": digest(100 + number), "size": 1 << 20}]
    return {"repository": repository, "digest": digest(number), "size": 500, "age": DAY, "tags": [], "manifests": [], "blobs": blobs, **changes}


class Place:
    """A cluster with a registry, and a workspace.

    Attributes:
        images: what the registry lists, in pages.
        collections: the bodies of requests to delete.
        answers: (status, body) of a path that answers otherwise.
        runner: answers for git.
    """

    def __init__(self, folder, registry: FakeRegistry, server: FakeServer) -> None:
        self.folder, self.registry, self.server = folder, registry, server
        self.images: list[list[dict]] = [[]]
        self.collections: list[dict] = []
        self.answers: dict[str, tuple[int, str]] = {}
        self.runner = FakeRunner()
        registry.fault = self.serve
        self.put_secret(registry.name)

    def put_secret(self, registry: str) -> None:
        """Stores the login of the registry."""
        metadata = {"name": "registry-credentials", "namespace": "registry", "annotations": {"turnup/registry": registry}}
        data = {"password": base64.b64encode(PASSWORD.encode()).decode()}
        self.server.put({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data})

    def serve(self, request) -> bool:
        """Answers as the registry's program does."""
        body = request.body()
        path, _, query = request.path.partition("?")
        if request.headers.get("Authorization") != LOGIN:
            request.answer(401, b'{"errors":[{"code":"UNAUTHORIZED","message":"the login is wrong"}]}', WWW_Authenticate="Basic realm=x")
        elif path in self.answers:
            status, text = self.answers[path]
            request.answer(status, text.encode())
        elif path == "/turnup/v1/contents":
            number = int(query.removeprefix("after=") or 0)
            more = {"next": str(number + 1)} if self.images[number + 1 :] else {}
            request.answer(200, json.dumps({"limit": 8 << 30, "used": 3 << 20, "uploads": 0, "manifests": self.images[number], **more}).encode())
        else:
            self.collections.append(json.loads(body))
            deleted = self.collections[-1]["manifests"]
            result = {"deleted": deleted[:1], "kept": deleted[1:], "freed": 2 << 20, "used": 1 << 20, "limit": 8 << 30}
            request.answer(200, json.dumps(result).encode())
        return True

    def run(self, *words: str) -> tuple[int, str, str]:
        """Runs `turnup registry WORDS`; returns exit code, stdout and stderr."""
        out, err = io.StringIO(), io.StringIO()
        code = main.main(["--context", CONTEXT, "registry", *words], out, err, self.runner)
        assert PASSWORD not in out.getvalue() + err.getvalue()
        return code, out.getvalue(), err.getvalue()


@pytest.fixture(name="place")
def _place(tmp_path, monkeypatch):
    """Returns a cluster with a registry."""
    with FakeRegistry() as registry, FakeServer() as server:
        server.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "registry"}})
        (tmp_path / "kubeconfig").write_text(json.dumps(server.kubeconfig()))
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
        yield Place(tmp_path, registry, server)


def pod(number: int) -> dict:
    """Returns a pod that runs an image."""
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "registry"}, "spec": {"containers": [{"image": f"x@{digest(number)}"}]}}


def test_gc_lists_and_deletes_nothing(place):
    """Without --delete unused images are listed with their sizes, and what their deletion frees."""
    place.images = [[stored(1), stored(2, tags=["v1", "v2"])], [stored(3, repository="shop/web"), stored(4, age=60)]]
    place.server.put(pod(1))
    code, out, err = place.run("gc")

    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "REPOSITORY  DIGEST               SIZE     AGE  TAGS",
        "app         sha256:000000000000  1.0 MiB  1d   v1 v2",
        "shop/web    sha256:000000000000  1.0 MiB  1d",
        f"{place.registry.name}: 3.0 MiB of 8.0 GiB are used",
        "2 of 4 images are not used, 2.0 MiB; delete them with 'turnup registry gc --delete'",
    ]
    assert place.collections == []


def test_gc_deletes(place):
    """With --delete the registry is asked to delete exactly the listed images, and what it did is printed."""
    place.images = [[stored(1), stored(2), stored(3, age=600)]]
    code, out, err = place.run("gc", "--delete", "--older-than=30m")

    assert (code, err) == (0, "")
    assert place.collections == [{"manifests": [{"repository": "app", "digest": digest(number)} for number in (1, 2)], "olderThan": 1800}]
    assert out.splitlines()[-1] == "deleted 1 image, freed 2.0 MiB; kept 1 image used in the meantime"


def test_gc_removes_blobs_of_no_image(place):
    """With --delete the registry also cleans up if every image is used."""
    place.images = [[stored(1)]]
    place.server.put(pod(1))

    assert place.run("gc")[1].splitlines()[-1] == "no unused image among 1 image; --delete removes only blobs that no image needs"
    assert place.run("gc", "--delete")[1].splitlines()[-1] == "deleted 0 images, freed 2.0 MiB"
    assert place.collections == [{"manifests": [], "olderThan": 3600}]


def test_gc_as_json(place):
    """The JSON has every unused image, and after a deletion what was deleted."""
    place.images = [[stored(1), stored(2, problem="it is \x1b[31mdamaged")]]
    first, second = json.loads(place.run("gc", "--output=json")[1]), json.loads(place.run("gc", "--output=json", "--delete")[1])

    assert [first[key] for key in ("registry", "limit", "used", "images")] == [place.registry.name, 8 << 30, 3 << 20, 2]
    assert first["unused"][0] == {"repository": "app", "digest": digest(1), "tags": [], "bytes": 5500 + (1 << 20), "age": DAY}
    assert first["unused"][1]["problem"] == "it is \x1b[31mdamaged"
    assert first["unusedBytes"] == 1000 + 5000 + (2 << 20) and "deleted" not in first
    assert (second["deleted"], second["kept"]) == ([f"app@{digest(1)}"], [f"app@{digest(2)}"])
    assert (second["freedBytes"], second["used"]) == (2 << 20, 1 << 20)


def test_ls(place):
    """The list has a line for each repository; shared blobs count once in it, and names cannot change the terminal."""
    place.images = [[stored(1, tags=["v1"]), stored(2, tags=["v2"]), stored(3, repository="a\x1b[2Jb", tags=["x" * 50])]]
    code, out, _ = place.run("ls")

    assert code == 0
    assert out.splitlines() == [
        "REPOSITORY  IMAGES  SIZE     TAGS",
        f"a?[2Jb      1       1.0 MiB  {'x' * 39}…",
        "app         2       2.0 MiB  v1 v2",
        f"{place.registry.name}: 3.0 MiB of 8.0 GiB are used; repositories share blobs",
    ]
    listed = json.loads(place.run("ls", "--output=json")[1])
    assert listed["repositories"][1] == {"repository": "app", "images": 2, "tags": ["v1", "v2"], "bytes": 6000 + (2 << 20)}


@pytest.mark.parametrize(
    ("path", "answer", "sentence"),
    [
        ("/turnup/v1/contents", (404, "404 page not found"), "it is older than this Turnup; run 'bazel run //prod:setup.apply'"),
        ("/turnup/v1/contents", (200, "[]"), "it did not answer with the list of its images"),
        ("/turnup/v1/contents", (200, '{"limit": 1, "used": 1, "manifests": [{"repository": "x"}]}'), "it did not answer with the list of its images"),
        ("/turnup/v1/contents", (200, '{"limit": 1, "used": 1, "manifests": [], "next": "x"}'), "it did not answer with the list of its images"),
        ("/turnup/v1/contents", (200, "[" * 100000), "it did not answer with the list of its images"),
        ("/turnup/v1/contents", (403, '{"errors":[{"code":"DENIED","message":"no"}]}'), "the list of its images: answered 403 (DENIED: no)"),
        ("/turnup/v1/collect", (200, "{}"), "it did not answer with the deletion of images"),
        ("/turnup/v1/collect", (400, '{"errors":[{"code":"DENIED","message":"wrong"}]}'), "the deletion of images: answered 400 (DENIED: wrong)"),
    ],
)
def test_answers_that_end_it(place, path, answer, sentence):
    """Each wrong answer of the registry is one sentence that names it."""
    place.images = [[stored(1)]]
    place.answers[path] = answer
    code, out, err = place.run("gc", "--delete")

    assert (code, out) == (1, "")
    assert err.startswith("ERROR: registry ") and err.count("\n") == 1 and sentence in err


def test_a_list_that_the_cluster_refuses_deletes_nothing(place):
    """Without knowing what is used nothing is deleted."""
    place.images = [[stored(1)]]
    refused = {"kind": "Status", "code": 403, "reason": "Forbidden", "message": "no"}
    place.server.refuse = lambda request: (403, refused) if request.path.endswith("/jobs") else None
    code, out, err = place.run("gc", "--delete")

    assert (code, out, place.collections) == (1, "", [])
    assert "jobs cannot be listed (403 Forbidden)" in err


def test_a_cluster_without_a_registry(place):
    """The error says how to get one."""
    place.server.remove({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "registry-credentials", "namespace": "registry"}})
    code, _, err = place.run("gc")

    assert code == 1
    assert err == (
        f"ERROR: context '{CONTEXT}' runs no registry of Turnup: it has no Secret registry-credentials in namespace registry; "
        "run 'bazel run //prod:setup.apply', or name another context with --context\n"
    )


@pytest.mark.parametrize(
    ("words", "sentence"), [(["gc", "--older-than=soon"], "is not a duration"), (["gc", "--output=xml"], "xml"), (["drop"], "No such command")]
)
def test_wrong_usage(place, words, sentence):
    """Wrong arguments are exit code 2 and one sentence."""
    code, out, err = place.run(*words)

    assert (code, out) == (2, "")
    assert err.startswith("ERROR: ") and sentence in err


def test_sizes_and_ages():
    """Sizes and ages are in the unit that fits."""
    assert [size(number) for number in (0, 1023, 1024, 1 << 20, 3 << 29, 1 << 41)] == ["0 bytes", "1023 bytes", "1.0 KiB", "1.0 MiB", "1.5 GiB", "2.0 TiB"]
    assert [age(seconds) for seconds in (5, 60, 7200, 3 * DAY)] == ["5s", "1m", "2h", "3d"]
