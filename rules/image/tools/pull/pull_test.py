"""Tests of pulling, against the fake registry: what is fetched, how often, and what each fault ends in."""

import errno
import gzip
import json
import os
import re
import socket
import threading
import time
from pathlib import Path

import pytest

from rules.image.tools import errors
from rules.image.tools.errors import InputError, PushError
from rules.image.tools.oci import oci
from rules.image.tools.pull import pull
from rules.image.tools.testing.fake_registry import FakeRegistry
from rules.image.tools.testing.layouts import LAYER
from rules.image.tools.testing.pull_fixtures import LAYER_DIGEST, PACKED, fill, fixture_cache, fixture_fake, index_digest  # noqa: F401 (pytest finds fixtures by name)


def test_an_index_is_resolved_and_the_package_written(fake, cache) -> None:
    """The image for the architecture is pulled, and the BUILD file names its files."""
    fill(fake, index_digest(fake), architecture="arm64")
    assert json.loads(Path("image/config.json").read_bytes())["architecture"] == "arm64"
    assert Path("image/digest").read_text() == oci.sha256(Path("image/manifest.json").read_bytes())
    assert Path("image/layers/0").read_bytes() == PACKED
    assert json.loads(Path("image/layers/0.json").read_bytes())["diff_id"] == oci.sha256(LAYER)
    assert 'blobs = ["layers/0"]' in Path("image/BUILD").read_text()
    assert (cache / LAYER_DIGEST[7:]).read_bytes() == PACKED


def test_a_second_workspace_asks_nothing(fake, cache, tmp_path, monkeypatch) -> None:
    """With the digest in the cache, no request goes to the registry, which may be down."""
    fill(fake, index_digest(fake))
    count = len(fake.log)
    (tmp_path / "second").mkdir()
    monkeypatch.chdir(tmp_path / "second")
    fill(fake, index_digest(fake))
    assert len(fake.log) == count
    assert Path("image/layers/0").read_bytes() == PACKED


def test_a_damaged_cache_is_mended(fake, cache, tmp_path, monkeypatch) -> None:
    """Cached blobs are verified before use, and downloaded again if they are damaged."""
    fill(fake, index_digest(fake))
    damaged = cache / LAYER_DIGEST[7:]
    damaged.chmod(0o644)
    damaged.unlink()
    damaged.write_bytes(b"x" * len(PACKED))
    (tmp_path / "second").mkdir()
    monkeypatch.chdir(tmp_path / "second")
    fill(fake, index_digest(fake))
    assert Path("image/layers/0").read_bytes() == PACKED


def test_other_users_cannot_read_what_a_login_opened(fake, cache) -> None:
    """Only the user can read the cache's folder, even one that an earlier version left open, and its blobs, even in a repository."""
    cache.mkdir(parents=True, mode=0o755)
    cache.chmod(0o755)
    fill(fake, index_digest(fake))
    blobs = [path for path in cache.iterdir() if not path.name.startswith("lock-")]
    assert cache.stat().st_mode & 0o777 == 0o700
    assert len(blobs) == 4 and all(path.stat().st_mode & 0o777 == 0o400 for path in [*blobs, Path("image/layers/0")])


def test_a_layer_that_cannot_be_linked_is_copied_as_private(fake, cache, monkeypatch) -> None:
    """Where cache and repository are on two disks, the copy has the blob's mode."""
    monkeypatch.setattr(pull.os, "link", lambda *_: (_ for _ in ()).throw(OSError(errno.EXDEV, "two disks")))
    fill(fake, index_digest(fake))
    assert Path("image/layers/0").read_bytes() == PACKED
    assert Path("image/layers/0").stat().st_mode & 0o777 == 0o400


def test_layers_come_side_by_side_and_each_once(fake, cache) -> None:
    """At most four blobs are downloaded at once; a layer that an image has twice is downloaded once."""
    layers = [gzip.compress(b"%d" % number, mtime=0) for number in range(8)]
    config = oci.dump(
        {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [oci.sha256(b"%d" % number) for number in [*range(8), 0]]}}
    )
    named = [{"mediaType": oci.LAYER_GZIP, "digest": oci.sha256(data), "size": len(data)} for data in [*layers, layers[0]]]
    manifest = oci.dump(oci.build_manifest(config, named))
    fake.manifests["a/b", oci.sha256(manifest)] = manifest
    fake.blobs.update((("a/b", oci.sha256(data)), data) for data in [config, *layers])
    together, most, lock = threading.Barrier(4), [0, 0], threading.Lock()

    def fault(handler) -> bool:
        if "/blobs/" in handler.path and handler.path.endswith(tuple(oci.sha256(data) for data in layers)):
            with lock:
                most[0] += 1
                most[1] = max(most)
            together.wait(30)
            time.sleep(0.01)
            with lock:
                most[0] -= 1
        return False

    fake.fault = fault
    fill(fake, oci.sha256(manifest))
    assert most == [0, 4]
    asked = [line for line in fake.log if "/blobs/" in line]
    assert len(asked) == len(set(asked)) == 9
    assert [Path(f"image/layers/{number}").read_bytes() for number in range(9)] == [*layers, layers[0]]


def test_a_tag_warns_with_the_digest_to_write(fake, cache, capsys) -> None:
    """A tag works, and the warning has the line that makes the build repeatable."""
    fill(fake, tag="v1")
    assert f'set digest = "{index_digest(fake)}"' in capsys.readouterr().out


@pytest.mark.parametrize("status", [401, 403, 404])
@pytest.mark.parametrize("what", ["manifests", "blobs"])
def test_a_refusal_is_one_sentence(fake, cache, status, what) -> None:
    """The errors for 401, 403 and 404 have the request, the answer and what to do."""
    fake.fault = lambda handler: f"/{what}/" in handler.path and (handler.answer(status, b'{"errors":[{"code":"DENIED","message":"no"}]}') or True)
    advice_by_status = {401: "log in with docker login", 403: "ask for the right to pull", 404: "check repository, digest and tag"}
    with pytest.raises(PushError, match=rf"^registry {fake.name}: .*: answered {status} \(DENIED: no\); {advice_by_status[status]}"):
        fill(fake, index_digest(fake))
    assert not Path("image").exists()


@pytest.mark.parametrize(
    ("body", "words"),
    [(b"x" * len(PACKED), "do not trust this registry"), (PACKED + b"x", "sent more than its"), (PACKED[:-1], "was cut off after .* bytes, 8 times")],
)
def test_a_blob_that_is_not_what_was_asked_for_is_refused(fake, cache, body, words) -> None:
    """Wrong, too much and too little content are one-sentence errors, and the cache has nothing under that digest."""
    fake.fault = lambda handler: handler.path.endswith(f"/blobs/{LAYER_DIGEST}") and (handler.answer(200, body) or True)
    with pytest.raises(PushError, match=rf"^registry {fake.name}: {LAYER_DIGEST} of a/b: .*{words}"):
        fill(fake, index_digest(fake))
    assert not (cache / LAYER_DIGEST[7:]).exists()


def _single(fake: FakeRegistry) -> str:
    """Returns the digest of the fake's amd64 image, which is named without an index."""
    return json.loads(fake.manifests["a/b", "v1"])["manifests"][0]["digest"]


def test_a_single_image_for_another_platform_is_refused(fake, cache) -> None:
    """The error names the requested platform and the image's; the default is not checked."""
    with pytest.raises(InputError, match="architecture 'arm64' was requested, but the image is for 'amd64'; set architecture to that"):
        fill(fake, _single(fake), architecture="arm64")
    assert not Path("image").exists()
    arm = json.loads(fake.manifests["a/b", "v1"])["manifests"][1]["digest"]
    fill(fake, arm)
    assert json.loads(Path("image/config.json").read_bytes())["architecture"] == "arm64"


def test_a_cache_that_cannot_be_written_is_told_with_what_to_do(fake, cache, tmp_path, capsys) -> None:
    """The error has the path, the system's reason, and how to move the cache."""
    (tmp_path / "cache").write_text("a file")
    assert errors.run(pull.main, ["it", fake.name, "a/b", index_digest(fake), "", "amd64", "linux", "", "False"]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"ERROR: {tmp_path}/cache/turnup") and error.endswith(
        "; let this user write there, or name another folder for the cache in XDG_CACHE_HOME\n"
    )


def test_a_login_in_the_registrys_name_is_not_shown(fake, cache) -> None:
    """A password in the attribute is masked."""
    with pytest.raises(PushError, match=r"'\*\*\*@reg.example:5000'") as caught:
        pull.fill("it", "user:S3cret@reg.example:5000", "a/b", "", "t", "amd64", "linux", "", "False")
    assert "S3cret" not in str(caught.value)


def test_a_manifest_that_is_not_what_was_asked_for_is_refused(fake, cache) -> None:
    """Only content with the digest in BUILD is accepted."""
    digest = index_digest(fake)
    fake.manifests["a/b", digest] += b" "
    with pytest.raises(PushError, match="it answered with sha256:.*do not trust this registry"):
        fill(fake, digest)


def test_schema_1_is_refused(fake, cache) -> None:
    """The error for an image in docker's first format says how to get a newer one."""
    old = b'{"schemaVersion":1,"fsLayers":[]}'
    fake.manifests["a/b", oci.sha256(old)] = old
    with pytest.raises(InputError, match=f"^{fake.name}/a/b@sha256:.*schema 1"):
        fill(fake, oci.sha256(old))


def test_a_registry_that_is_down_is_one_sentence(cache, monkeypatch, capsys) -> None:
    """If nothing listens, there is one ERROR line after all attempts, with exit code 1."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        name = f"127.0.0.1:{probe.getsockname()[1]}"
    assert errors.run(pull.main, ["it", name, "a/b", "sha256:" + "0" * 64, "", "amd64", "linux", "", "False"]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"ERROR: registry {name}: ") and said.count("\n") == 1


def test_plain_http_where_tls_is_due_is_one_sentence(fake, cache) -> None:
    """The error for a registry that does not speak TLS differs from the one for a registry that is down."""
    client = pull.Puller(fake.name, insecure=False)
    with pytest.raises(PushError, match="no TLS connection"):
        pull.pull(client, "a/b", index_digest(fake), pull.Cache(), architecture="amd64", system="linux")


def test_a_full_disk_is_one_sentence_and_gets_its_room_back(fake, cache, monkeypatch, capsys) -> None:
    """On a full disk, the error names the file, and the written part is removed."""

    def full(self, repository, descriptor, out) -> None:
        out.write_bytes(b"a part")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(pull.Puller, "blob", full)
    assert errors.run(pull.main, ["it", fake.name, "a/b", index_digest(fake), "", "amd64", "linux", "", "False"]) == 1
    said = capsys.readouterr().err
    assert re.match(r"ERROR: .*\.partial: No space left on device; free space on that disk", said)
    assert list(cache.glob("*.partial")) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"repository": "A/B"}, "container_pull it: repository: 'A/B' is not a repository name"),
        ({"digest": "sha256:1"}, "container_pull it: digest: 'sha256:1' is not a digest"),
        ({"tag": "a b"}, "container_pull it: tag: 'a b' is not a tag"),
    ],
)
def test_a_wrong_attribute_is_named(fake, cache, arguments, words) -> None:
    """Attributes are checked before the first request to the registry."""
    with pytest.raises(InputError, match=words):
        fill(fake, **arguments)
    assert fake.log == []
