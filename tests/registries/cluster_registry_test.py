"""Tests of the registry in the cluster, the real program, on a port of this machine."""

import hashlib
import json
import threading
import time
from pathlib import Path

import pytest

from cli.registry.registry_api import RegistryApi, StoredImage
from rules.image.tools.errors import PushError
from rules.image.tools.oci import oci
from rules.image.tools.push.push import exists, push_all
from rules.image.tools.registry.auth import Login
from rules.image.tools.testing.built_images import make_image
from tests.registries.cluster_registry import LOGIN, ClusterRegistry

_MIB = 1 << 20


@pytest.fixture(name="registry")
def _registry(tmp_path, monkeypatch):
    """Returns a running, empty registry; this user has no login in docker's config."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    with ClusterRegistry(tmp_path / "registry") as registry:
        yield registry


def push(registry: ClusterRegistry, folder: Path, repository: str, content: bytes, tags: tuple[str, ...] = ()) -> str:
    """Pushes an image with one layer and returns its digest."""
    image = make_image(folder / "images", repository, [content], tags)
    return push_all([image], registry.name, client=registry.client())[0].digest


def api(registry: ClusterRegistry) -> RegistryApi:
    """Returns the API of `turnup registry`."""
    return RegistryApi(registry.name, LOGIN)


def test_the_attack_of_a_pod_without_rights(registry, tmp_path) -> None:
    """Anonymous pushes, tags, unfinished uploads and deletions get 401 and leave nothing on the disk; reads are answered."""
    digest = push(registry, tmp_path, "python/server", b"layer", ("latest",))
    before, garbage = registry.stored(), bytes(_MIB) * 60
    upload = registry.ask("POST", "/v2/garbage/blobs/uploads/", b"", LOGIN)[1]["location"]
    for method, path, body in (
        ("POST", "/v2/python/server/blobs/uploads/", b""),
        ("POST", f"/v2/garbage/blobs/uploads/?mount={digest}&from=python/server", b""),
        ("PUT", f"{upload}&digest={oci.sha256(garbage)}", garbage),
        ("PATCH", upload, garbage),
        ("PUT", "/v2/python/server/manifests/latest", b"{}"),
        ("DELETE", "/v2/python/server/manifests/latest", None),
        ("DELETE", f"/v2/python/server/manifests/{digest}", None),
        ("GET", "/turnup/v1/contents", None),
        ("POST", "/turnup/v1/collect", b"{}"),
    ):
        status, headers, _ = registry.ask(method, path, body)
        assert (status, headers["www-authenticate"].partition(" ")[0]) == (401, "Basic"), (method, path)
    assert registry.stored() < before + 4096
    assert json.loads(registry.ask("GET", "/v2/python/server/tags/list")[2])["tags"] == ["latest"]
    assert exists(registry.name, "python/server", digest)


@pytest.mark.parametrize(
    ("login", "words"),
    [
        (None, "UNAUTHORIZED: pushes need a login: user turnup, with the password in the Secret registry-credentials in namespace registry"),
        (Login("turnup", "wrong-secret"), "the login is wrong; the Secret registry-credentials in .*delete it and run 'bazel run //prod:setup.apply'"),
        (Login("admin", LOGIN.password), "the login is wrong"),
    ],
)
def test_a_wrong_or_missing_login_is_one_sentence(registry, tmp_path, login, words) -> None:
    """The error names the Secret and how to make a new one, and has no password."""
    with pytest.raises(PushError, match=f"registry {registry.name}: .*answered 401 .*{words}") as caught:
        push_all([make_image(tmp_path / "images", "app", [b"layer"])], registry.name, client=registry.client(login))
    assert "\n" not in str(caught.value) and "wrong-secret" not in str(caught.value) and LOGIN.password not in str(caught.value)


def test_a_repeated_push_needs_no_login(registry, tmp_path) -> None:
    """What is there already is not sent, so nobody is asked."""
    push(registry, tmp_path, "app", b"layer", ("v1",))
    image = make_image(tmp_path / "images", "app", [b"layer"], ("v1",))
    assert push_all([image], registry.name)[0].unchanged


def test_a_web_page_gets_nothing(registry) -> None:
    """A page whose name resolves to the registry is refused, and so is one that knows its address."""
    port = registry.name.rpartition(":")[2]
    for host in ("evil.example", f"evil.example:{port}"):
        for method in ("GET", "POST"):
            status, _, body = registry.ask(method, "/v2/_catalog", login=LOGIN, Host=host)
            assert (status, b"is not a name of this registry" in body) == (421, True)
    assert registry.ask("POST", "/v2/a/blobs/uploads/", b"", LOGIN, Origin="http://evil.example")[0] == 403
    assert registry.ask("GET", "/v2/_catalog", Host="registry.registry.svc:5000")[0] == 200


@pytest.mark.parametrize(
    "path", ["/v2/../../etc/passwd", "/v2/%2e%2e/%2e%2e/etc/passwd", "/v2/a/../../../b/blobs/uploads/", "/v2/..%2f..%2f/manifests/x", "//v2/a/tags/list"]
)
def test_paths_stay_in_the_storage(registry, path) -> None:
    """A path that leads elsewhere reads and writes nothing, with or without a login."""
    before = set(registry.folder.rglob("*"))
    for login in (None, LOGIN):
        for method in ("GET", "PUT", "POST", "DELETE"):
            status, _, body = registry.ask(method, path, b"" if method != "GET" else None, login)
            assert status in (301, 307, 308, 400, 401, 404, 405) and b"root:" not in body, (method, path, status)
    assert set(registry.folder.rglob("*")) == before


def test_many_wrong_logins_learn_nothing(registry) -> None:
    """A hundred wrong logins all get the same answer, whatever they have in common with the right one, and the right one still works."""
    answers = {
        registry.ask("POST", "/v2/a/blobs/uploads/", b"", Login("turnup", LOGIN.password[: number % len(LOGIN.password)] + "x"))[::2] for number in range(100)
    }
    assert len(answers) == 1
    assert registry.ask("POST", "/v2/a/blobs/uploads/", b"", LOGIN)[0] == 202


def test_a_full_registry_is_one_sentence(tmp_path) -> None:
    """A push that does not fit is refused at once with the command that helps; what is stored stays, and what fits can be pushed."""
    with ClusterRegistry(tmp_path / "registry", limit="2Mi") as registry:
        kept = push(registry, tmp_path, "app", bytes(_MIB))
        pauses: list[float] = []
        client = registry.client()
        client.sleep = pauses.append
        large = make_image(tmp_path / "images", "large", [b"x" * _MIB * 60])
        words = "the storage is full: 1.0 MiB of 2.0 MiB are used; 'turnup registry gc' lists the images that nothing uses"
        with pytest.raises(PushError, match=f"registry {registry.name}: .*answered 507 .*{words}"):
            push_all([large], registry.name, client=client)
        assert pauses == []
        assert registry.stored() < 2 * _MIB
        assert exists(registry.name, "app", kept)
        push(registry, tmp_path, "app", b"small")


def test_a_full_registry_can_be_emptied(tmp_path) -> None:
    """After the deletion of an unused image the same push succeeds."""
    with ClusterRegistry(tmp_path / "registry", limit="2Mi") as registry:
        push(registry, tmp_path, "app", bytes(_MIB))
        with pytest.raises(PushError, match="answered 507"):
            push(registry, tmp_path, "app", b"x" * _MIB)
        result = api(registry).collect(api(registry).contents().images, 0)
        assert result.freed >= _MIB and result.used < 65536
        push(registry, tmp_path, "app", b"x" * _MIB)


def test_unfinished_uploads_expire(tmp_path) -> None:
    """An upload that nobody finishes is removed when it is old."""
    with ClusterRegistry(tmp_path / "registry", upload_age="2s") as registry:
        upload = registry.ask("POST", "/v2/garbage/blobs/uploads/", b"", LOGIN)[1]["location"]
        assert registry.ask("PATCH", upload, bytes(_MIB), LOGIN, Content_Type="application/octet-stream")[0] == 202
        assert registry.stored() > _MIB
        deadline = time.monotonic() + 20
        while registry.stored() > _MIB:
            assert time.monotonic() < deadline, "the upload is still stored"
            time.sleep(0.1)
        assert registry.ask("PATCH", upload, bytes(_MIB), LOGIN)[0] == 404


def test_a_collection_deletes_what_it_is_asked_to(registry, tmp_path) -> None:
    """Listed images have their tags and parts; deleted ones are gone, the others complete, and a push brings a deleted one back."""
    old = push(registry, tmp_path, "app", b"old" * 1000, ("v1",))
    new = push(registry, tmp_path, "app", b"new" * 1000, ("v2", "latest"))
    images = {image.digest: image for image in api(registry).contents().images}
    assert {digest: sorted(image.tags) for digest, image in images.items()} == {old: ["v1"], new: ["latest", "v2"]}
    assert images[old].blobs[-1] == (oci.sha256(b"old" * 1000), 3000)
    assert api(registry).collect([images[old]], 3600).kept == (f"app@{old}",)
    result = api(registry).collect([images[old]], 0)
    assert (result.deleted, result.freed > 3000) == ((f"app@{old}",), True)
    assert (exists(registry.name, "app", old), exists(registry.name, "app", new)) == (False, True)
    assert registry.ask("GET", f"/v2/app/blobs/{oci.sha256(b'old' * 1000)}")[0] == 404
    assert registry.ask("GET", f"/v2/app/blobs/{oci.sha256(b'new' * 1000)}")[2] == b"new" * 1000
    assert push(registry, tmp_path, "app", b"old" * 1000, ("v1",)) == old


def test_pushes_survive_collections(registry, tmp_path) -> None:
    """While images are deleted again and again, every push ends with a complete image: it waits, and its blobs are not taken away."""
    ended = threading.Event()
    count = 0

    def collect() -> None:
        nonlocal count
        while not ended.is_set():
            api(registry).collect([StoredImage("app", oci.sha256(b"none"), 0, 0)], 3600)
            count += 1
            ended.wait(0.3)

    thread = threading.Thread(target=collect)
    pushed: list[str] = []
    thread.start()
    try:
        # On a busy machine a collection may take as long as many pushes.
        while len(pushed) < 8 or (count < 2 and len(pushed) < 200):
            number = len(pushed)
            pushed.append(push(registry, tmp_path, f"app{number % 3}", hashlib.sha256(bytes([number])).digest() * 4000))
    finally:
        ended.set()
        thread.join()
    assert count > 1
    for number, digest in enumerate(pushed):
        assert exists(registry.name, f"app{number % 3}", digest)
        content = hashlib.sha256(bytes([number])).digest() * 4000
        assert registry.ask("GET", f"/v2/app{number % 3}/blobs/{oci.sha256(content)}")[2] == content


def test_restart(registry, tmp_path) -> None:
    """After a restart the images, the limit's count and the login are the same."""
    digest = push(registry, tmp_path, "app", b"layer" * 1000)
    before = api(registry).contents()
    registry.stop()
    registry.start()
    assert exists(registry.name, "app", digest)
    assert api(registry).contents().used == before.used == registry.stored()


def test_wrong_start(tmp_path) -> None:
    """A registry without a limit or a password does not start, and says why."""
    with pytest.raises(AssertionError, match='-limit: "much" is not a size'):
        ClusterRegistry(tmp_path / "registry", limit="much").start()
