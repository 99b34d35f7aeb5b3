"""Tests of pushing, against the fake registry: what is sent, how often, and what is there after trouble."""

import json
import random
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from rules.image.tools.errors import InputError, PushError
from rules.image.tools.oci import oci
from rules.image.tools.push import push
from rules.image.tools.push.push import Image, exists, push_all
from rules.image.tools.registry.parallel import run_parallel
from rules.image.tools.registry.registry import Registry
from rules.image.tools.testing.built_images import make_image
from rules.image.tools.testing.fake_registry import FakeRegistry


@pytest.fixture(name="fake")
def _fake():
    """A fake registry."""
    with FakeRegistry() as registry:
        yield registry


def digest(image: Image) -> str:
    """Returns an image's digest."""
    return oci.sha256(image.manifest.read_bytes())


def quick(fake: FakeRegistry) -> Registry:
    """Returns a client that does not wait between attempts."""
    return Registry(fake.name, sleep=lambda _: None)


def test_a_pushed_image_is_whole(fake, tmp_path) -> None:
    """Blobs, manifest and tag are in the registry, and the result names them."""
    image = make_image(tmp_path, "shop/server", [b"base", b"app"], ("latest",))
    (pushed,) = push_all([image], fake.name)
    assert fake.manifests["shop/server", "latest"] == image.manifest.read_bytes()
    assert pushed.reference == f"{fake.name}/shop/server@{digest(image)}"
    assert pushed.sent == 4 + 3 + image.config.stat().st_size
    assert not pushed.unchanged
    assert exists(fake.name, "shop/server", digest(image))
    assert not exists(fake.name, "shop/other", digest(image))


def test_a_second_push_sends_nothing(fake, tmp_path) -> None:
    """A second push asks one question per image and sends nothing."""
    images = [make_image(tmp_path, f"app/{i}", [b"base", b"%d" % i]) for i in range(5)]
    push_all(images, fake.name)
    fake.log.clear()
    again = push_all(images, fake.name)
    assert [(p.sent, p.unchanged) for p in again] == [(0, True)] * 5
    assert sorted(fake.log) == sorted(f"HEAD /v2/app/{i}/manifests/{digest(image)}" for i, image in enumerate(images))


def test_a_lost_blob_is_found_and_sent_when_asked_to_verify(fake, tmp_path) -> None:
    """By default only the manifest is asked for, even if the storage lost a blob; verify asks for every blob."""
    images = [make_image(tmp_path, f"app/{i}", [b"base", b"%d" % i], ("t",)) for i in range(2)]
    push_all(images, fake.name)
    del fake.blobs["app/1", oci.sha256(b"1")]
    assert [p.unchanged for p in push_all(images, fake.name)] == [True, True]
    assert [(p.sent, p.unchanged) for p in push_all(images, fake.name, verify=True)] == [(0, True), (1, False)]
    assert fake.blobs["app/1", oci.sha256(b"1")] == b"1"
    assert [p.unchanged for p in push_all(images, fake.name, verify=True)] == [True, True]


def test_a_blob_that_is_gone_after_it_was_sent_ends_a_push_that_verifies(fake, tmp_path) -> None:
    """A registry that takes a blob and loses it is an error before any manifest refers to it."""
    lost = oci.sha256(b"x")
    fake.fault = lambda h: h.command == "HEAD" and h.path.endswith(lost) and (h.answer(404) or True)
    with pytest.raises(PushError, match=f"^registry {fake.name}: accepted {lost} for app but does not have it now; check its storage"):
        push_all([make_image(tmp_path, "app", [b"x"])], fake.name, verify=True)
    assert fake.manifests == {}


def test_a_shared_blob_is_sent_once(fake, tmp_path) -> None:
    """Twenty images on one base send the base once; the others mount it."""
    images = [make_image(tmp_path, f"app/{i}", [b"base" * 1000, b"%d" % i]) for i in range(20)]
    push_all(images, fake.name)
    base = oci.sha256(b"base" * 1000)
    assert [found for _, found in fake.uploads].count(base) == 1
    assert sum((f"app/{i}", base) in fake.blobs for i in range(20)) == 20
    assert len(fake.uploads) == len({found for _, found in fake.uploads})


def test_a_registry_that_does_not_mount_gets_the_blob_again(fake, tmp_path) -> None:
    """If the registry opens an upload instead of mounting, that upload is used."""
    fake.mounts = False
    images = [make_image(tmp_path, f"app/{i}", [b"base"]) for i in range(3)]
    push_all(images, fake.name)
    assert [found for _, found in fake.uploads].count(oci.sha256(b"base")) == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 501])
def test_a_registry_that_refuses_to_mount_gets_the_blob_again(fake, tmp_path, status: int) -> None:
    """If a mount is refused, in any way, the blob is sent."""
    fake.fault = lambda h: "mount=" in h.path and (h.answer(status) or True)
    push_all([make_image(tmp_path, f"app/{i}", [b"base"]) for i in range(3)], fake.name, client=quick(fake))
    assert [found for _, found in fake.uploads].count(oci.sha256(b"base")) == 3


def test_a_blob_in_other_storage_is_there(fake, tmp_path) -> None:
    """A redirect to a blob's storage means that the blob exists; it is not sent again."""
    image = make_image(tmp_path, "app", [b"base"])
    base = oci.sha256(b"base")
    fake.blobs["app", base] = b"base"
    fake.fault = lambda h: h.command == "HEAD" and h.path.endswith(base) and (h.answer(307, Location="https://storage.example/x") or True)
    push_all([image], fake.name)
    assert base not in [found for _, found in fake.uploads]


def test_only_a_changed_layer_is_sent(fake, tmp_path) -> None:
    """A new application layer on a pushed base sends that layer and the config."""
    push_all([make_image(tmp_path, "app", [b"base", b"one"])], fake.name)
    fake.uploads.clear()
    push_all([make_image(tmp_path, "app", [b"base", b"two"])], fake.name)
    assert [found for _, found in fake.uploads] == [oci.sha256(b"two")]


def test_the_manifest_comes_last(fake, tmp_path) -> None:
    """A manifest is sent only after the registry accepted every blob that it names."""
    images = [make_image(tmp_path, f"app/{i}", [b"base", b"%d" % i]) for i in range(6)]
    push_all(images, fake.name)
    writes = [line for line in fake.log if line.startswith("PUT")]
    first = next(i for i, line in enumerate(writes) if "/manifests/" in line)
    assert all("/manifests/" in line for line in writes[first:])


@pytest.mark.parametrize("point", range(1, 12))
def test_a_push_cut_anywhere_leaves_nothing_half_and_goes_on(fake, tmp_path, point: int) -> None:
    """If the registry dies after any number of requests, no manifest lacks a blob, and the next push sends only the rest."""
    images = [make_image(tmp_path, f"app/{i}", [b"base", b"%d" % i]) for i in range(2)]
    fake.fault = lambda h: len(fake.log) > point and (h.cut() or True)
    with pytest.raises(PushError):
        push_all(images, fake.name, jobs=1, client=quick(fake))
    for (repository, _), data in fake.manifests.items():
        assert all((repository, part["digest"]) in fake.blobs for part in json.loads(data)["layers"])
    fake.fault = None
    push_all(images, fake.name, jobs=1)
    assert len(fake.uploads) == len(set(fake.uploads))
    assert [exists(fake.name, image.repository, digest(image)) for image in images] == [True, True]


@pytest.mark.parametrize("seed", range(6))
def test_a_flaky_registry_ends_with_all_images(fake, tmp_path, seed: int) -> None:
    """With a fifth of all requests failing in one way or another, every image arrives."""
    rng = random.Random(seed)
    acts = [lambda h: h.answer(503), lambda h: h.answer(429), lambda h: h.cut(), lambda h: (h.body(), h.cut())]
    fake.fault = lambda h: rng.random() < 0.2 and (rng.choice(acts)(h) or True)
    images = [make_image(tmp_path, f"app/{i}", [b"base" * 50_000, b"%d" % i], ("t",)) for i in range(6)]
    client = Registry(fake.name, sleep=lambda _: None)
    push_all(images, fake.name, client=client)
    assert all(fake.manifests[image.repository, "t"] == image.manifest.read_bytes() for image in images)


def test_an_answer_lost_after_the_upload_does_not_send_twice(fake, tmp_path) -> None:
    """If the registry stored the blob but its answer was lost, the blob is not sent again."""
    image = make_image(tmp_path, "app", [b"base" * 100])
    lost = [True]

    def fault(handler) -> bool:
        if handler.command == "PUT" and "/blobs/" in handler.path and lost.pop() if lost else False:
            handler.state.blobs["app", oci.sha256(b"base" * 100)] = handler.body()
            handler.cut()
            return True
        return False

    fake.fault = fault
    push_all([image], fake.name, jobs=1, client=quick(fake))
    assert oci.sha256(b"base" * 100) not in [found for _, found in fake.uploads]


def test_a_registrys_wish_to_wait_is_heard_for_uploads_too(fake, tmp_path) -> None:
    """Retry-After of the answer to an upload is the pause before the next attempt, up to a minute."""
    retry_after, pauses = ["7", "86400"], []
    fake.fault = lambda h: h.command == "PUT" and "/blobs/" in h.path and bool(retry_after) and (h.answer(429, Retry_After=retry_after.pop(0)) or True)
    push_all([make_image(tmp_path, "app", [b"x"])], fake.name, jobs=1, client=Registry(fake.name, sleep=pauses.append))
    assert pauses == [7.0, 60.0]


def test_an_unconfirmed_digest_is_not_reported(fake, tmp_path) -> None:
    """A registry that takes a manifest and does not have it afterwards is an error."""
    fake.fault = lambda h: h.command == "PUT" and "/manifests/" in h.path and (h.body(), h.answer(201)) and True
    with pytest.raises(PushError, match="does not have sha256:.* now"):
        push_all([make_image(tmp_path, "app", [b"x"])], fake.name)


def test_a_registry_that_answers_with_another_digest_is_not_trusted(fake, tmp_path) -> None:
    """An answer with another digest than the requested one is an error."""
    image = make_image(tmp_path, "app", [b"x"])
    fake.fault = lambda h: "/manifests/" in h.path and (h.answer(200, Docker_Content_Digest="sha256:" + "0" * 64) or True)
    with pytest.raises(PushError, match="do not trust"):
        push_all([image], fake.name)


def _tells_no_digest(body: bytes | None = None):
    """Returns a fault that answers for manifests without Docker-Content-Digest, with another body where one is given."""

    def fault(handler) -> bool:
        repository, _, name = handler.path.removeprefix("/v2/").partition("/manifests/")
        found = handler.state.manifests.get((repository, name))
        if handler.command == "PUT" or found is None:
            return False
        handler.answer(200, found if body is None else body)
        return True

    return fault


def test_a_registry_that_tells_no_digest_is_asked_for_the_manifest(fake, tmp_path) -> None:
    """Tags and digests are confirmed by the manifest's bytes; a second push sends nothing."""
    image = make_image(tmp_path, "app", [b"x"], ("t",))
    fake.fault = _tells_no_digest()
    assert [push_all([image], fake.name)[0].unchanged for _ in range(2)] == [False, True]
    assert exists(fake.name, "app", digest(image)) and not exists(fake.name, "app", "sha256:" + "0" * 64)


def test_a_manifest_without_a_digest_and_with_other_bytes_is_not_trusted(fake, tmp_path) -> None:
    """A 200 for a digest confirms nothing by itself."""
    image = make_image(tmp_path, "app", [b"x"])
    push_all([image], fake.name)
    fake.fault = _tells_no_digest(b"{}")
    with pytest.raises(PushError, match=f"it answered with '{oci.sha256(b'{}')}'; do not trust"):
        exists(fake.name, "app", digest(image))


def test_a_moved_tag_is_set_again(fake, tmp_path) -> None:
    """If the image exists but its tag is on another image, only the manifest is sent."""
    one, two = (make_image(tmp_path, "app", [name], ("t",)) for name in (b"1", b"2"))
    push_all([one], fake.name)
    push_all([two], fake.name)
    fake.uploads.clear()
    push_all([one], fake.name)
    assert fake.manifests["app", "t"] == one.manifest.read_bytes()
    assert fake.uploads == []


@pytest.mark.parametrize(("status", "advice"), [(401, "log in"), (403, "right to push"), (400, "build the image again")])
def test_refusals_end_at_once(fake, tmp_path, status: int, advice: str) -> None:
    """Errors that a retry can't fix are not retried."""
    fake.fault = lambda h: h.command == "POST" and (h.answer(status) or True)
    with pytest.raises(PushError, match=advice):
        push_all([make_image(tmp_path, "app", [b"x"])], fake.name, jobs=1)
    assert sum(line.startswith("POST") for line in fake.log) == 1


def test_a_blob_that_is_not_what_its_digest_says_is_refused(fake, tmp_path) -> None:
    """If the registry refuses a file of the right size with other bytes, the error names the file and both digests."""
    image = make_image(tmp_path, "app", [b"abc"])
    image.layers[0][0].write_bytes(b"abd")
    with pytest.raises(InputError, match=f"{image.layers[0][0]} has the digest {oci.sha256(b'abd')}, .* says {oci.sha256(b'abc')}; build"):
        push_all([image], fake.name)
    assert fake.manifests == {}


def test_files_that_do_not_fit_are_found_before_anything_is_sent(fake, tmp_path) -> None:
    """A truncated layer of the last image stops the push before the first request."""
    images = [make_image(tmp_path, f"app/{i}", [b"abc%d" % i]) for i in range(3)]
    images[2].layers[0][0].write_bytes(b"ab")
    with pytest.raises(InputError, match="has 2 bytes"):
        push_all(images, fake.name)
    assert fake.log == []


@pytest.mark.parametrize("name", ["manifest", "config", "layer"])
def test_a_missing_file_is_named(fake, tmp_path, name: str) -> None:
    """An image that was deleted meanwhile is a one-sentence error."""
    image = make_image(tmp_path, "app", [b"abc"])
    path = {"manifest": image.manifest, "config": image.config, "layer": image.layers[0][0]}[name]
    path.unlink()
    with pytest.raises(InputError, match=f"{path.name}: No such file or directory; build the image again"):
        push_all([image], fake.name)


@pytest.mark.parametrize(("repository", "tags"), [("../x", ()), ("A", ()), ("a", ("b c",)), ("a?x=", ())])
def test_hostile_names_are_refused(fake, tmp_path, repository: str, tags: tuple[str, ...]) -> None:
    """Names that would change the request's path are refused before anything is sent."""
    image = make_image(tmp_path, "ok", [b"x"])
    with pytest.raises(InputError):
        push_all([Image(image.manifest, image.config, image.layers, repository, tags)], fake.name)
    assert fake.log == []


def test_progress_adds_up(fake, tmp_path) -> None:
    """Each step is reported once, one at a time, and the sent bytes grow to the size."""
    steps: list[push.Progress] = []
    images = [make_image(tmp_path, f"app/{i}", [b"b" * 9_000_000, b"%d" % i]) for i in range(2)]
    push_all(images, fake.name, progress=steps.append)
    base = [s for s in steps if s.size == 9_000_000]
    sizes = [s.sent for s in base if s.state == "uploading"]
    assert sizes == sorted(sizes) and sizes[-1] == 9_000_000 and len(sizes) > 1
    assert [s.state for s in base if s.state != "uploading"] == ["uploaded", "mounted"]
    assert sum(s.state == "pushed" for s in steps) == 2


def test_equal_images_are_pushed_once(fake, tmp_path) -> None:
    """The same image named twice is one manifest request, and two results."""
    image = make_image(tmp_path, "app", [b"x"])
    assert len(push_all([image, image], fake.name)) == 2
    assert sum(line.startswith("PUT /v2/app/manifests/") for line in fake.log) == 1


def test_importing_stays_light() -> None:
    """A push needs only the standard library, and does not load slow modules."""
    code = "import sys; import rules.image.tools.push.push; print(*sys.modules)"
    root = Path(push.__file__).parents[4]
    done = subprocess.run([sys.executable, "-S", "-c", code], cwd=root, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not loaded & {"asyncio", "urllib3", "httpx", "requests", "argparse", "subprocess", "logging", "isal", "tarfile"}


def test_an_interrupt_waits_for_no_upload() -> None:
    """Ctrl-C ends a push at once, even while another thread waits for a silent registry."""
    sending, answered = threading.Event(), threading.Event()
    ended: list[int] = []

    def work(item: int) -> None:
        if threading.current_thread() is threading.main_thread():
            assert sending.wait(30)
            raise KeyboardInterrupt
        sending.set()
        answered.wait(30)
        ended.append(item)

    with pytest.raises(KeyboardInterrupt):
        run_parallel(work, [1, 2], 2)
    assert not ended
    answered.set()
