"""Tests of the delivery of images to the cluster: pushes, pins, preloads."""

from __future__ import annotations

import io
import socket
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from rules.image.tools.oci import oci
from rules.image.tools.testing.fake_registry import FakeRegistry
from rules.k8s.testing.plans import REGISTRY, document
from rules.k8s.tools.errors import TurnupError
from rules.k8s.tools.images import delivery
from rules.k8s.tools.images.push_report import PushReport
from rules.k8s.tools.kubeconfig.kubeconfig import Connection
from rules.k8s.tools.objects.plan import Entry, ImageFiles, Plan, Preload

DIGEST = "sha256:" + "a" * 64
REFERENCE = f"{REGISTRY}/app@{DIGEST}"


def plan(*entries: Entry, images=(), preloads=()) -> Plan:
    """Returns a plan of these parts."""
    return Plan("//svc:myns-deep", REGISTRY, None, entries, tuple(images), tuple(preloads))


def target(label: str, references: dict[str, str], missing: tuple[str, ...] = (), environment: str = "myns") -> Entry:
    """Returns a target with manifests that use these references."""
    return Entry(label, "", (), document(label, [], references=references, missing_pins=list(missing), environment=environment))


def image(label: str, key: str = "app") -> ImageFiles:
    """Returns the files of an image."""
    return ImageFiles(label, key, Path("manifest"), Path("config"), ((Path("blob"), Path("descriptor")),))


def connection() -> Connection:
    """Returns a connection that sends no requests."""
    return Connection("turnup-test", "c", "https://x", None, True, "", None, None, dict, {"kind": "Config", "users": [{"secret": 1}]})


def test_each_image_is_pushed_once():
    """An image that two targets run is pushed once, to the repository of the reference."""
    pushed = []

    def push(images, registry, insecure, report):
        pushed.append((registry, insecure, [each.repository for each in images]))
        return 1

    both = plan(target("//a:myns", {"app": REFERENCE}), target("//b:myns", {"app": REFERENCE}), images=[image("//a:myns"), image("//b:myns")])

    assert delivery.push_built(both, push) == (1, 1)
    assert pushed == [(REGISTRY, True, ["app"])]


def test_a_registry_that_is_busy_is_told(tmp_path, monkeypatch):
    """An apply with a push that has to wait prints the reason; the image is in the registry then."""
    monkeypatch.setattr("rules.image.tools.registry.retry.FIRST_PAUSE", 0.0)
    config = b'{"rootfs":{"diff_ids":[]}}'
    (tmp_path / "config").write_bytes(config)
    (tmp_path / "manifest").write_bytes(oci.dump(oci.build_manifest(config, [])))
    said: list[str] = []
    with FakeRegistry() as registry:
        busy = iter([True])
        registry.fault = lambda request: request.command == "PUT" and next(busy, False) and (request.answer(503) or True)
        reference = f"{registry.name}/app@{oci.sha256((tmp_path / 'manifest').read_bytes())}"
        files = ImageFiles("//a:myns", "app", tmp_path / "manifest", tmp_path / "config", ())
        report = PushReport(said.append, io.StringIO())
        assert delivery.push_built(plan(target("//a:myns", {"app": reference}), images=[files]), report=report) == (1, 1)
    assert [line for line in said if "attempt 2 of" in line and registry.name in line and "503" in line] == said[:1]
    assert said[1:] == ["  pushed      app"]


def test_unused_image_is_not_pushed():
    """An image that no manifest runs is not pushed."""
    assert delivery.push_built(plan(target("//a:myns", {}), images=[image("//a:myns")]), lambda *_: 1) == (0, 0)


@pytest.mark.parametrize(("registry", "plain"), [
    ("172.19.0.2:31000", True), ("127.0.0.1:5000", True), ("localhost:5000", True), ("localhost", True),
    ("ghcr.io", False), ("registry.example:5000", False), ("8.8.8.8:443", False),
])
def test_plain_http_for_private_addresses_only(registry, plain):
    """Only private and loopback addresses are used without TLS."""
    assert delivery.plain_http(registry) is plain


def test_pinned_images_must_exist():
    """The error for a missing pinned image has the command that renews the pin; other registries are not asked."""
    asked = []
    pinned = plan(target("//a:dev", {"app": REFERENCE, "other": f"ghcr.io/x@{DIGEST}"}), target("//b:dev", {"app": REFERENCE}))

    with ThreadPoolExecutor(2) as executor:
        delivery.check_pinned_images(pinned, executor, lambda *question: asked.append(question) or True)
        with pytest.raises(TurnupError, match="//a:dev: the registry does not have the pinned image .*bazel run //svc:pin -- dev"):
            delivery.check_pinned_images(pinned, executor, lambda *question: False)

    assert asked == [(REGISTRY, "app", DIGEST, True)]


def test_built_images_are_not_asked_for():
    """An image that the run is about to push may be missing from the registry."""
    with ThreadPoolExecutor(1) as executor:
        delivery.check_pinned_images(plan(target("//a:myns", {"app": REFERENCE}), images=[image("//a:myns")]), executor, lambda *_: False)


def test_images_named_by_digest_must_exist():
    """The registry is asked for an image that only a manifest names, but not for images that the run pushes; other registries are not asked."""
    def running(label: str, *references: str, **settings) -> Entry:
        pods = [{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"p{index}", "namespace": "dev"}, "spec": {"containers": [{"image": reference}]}}
                for index, reference in enumerate(references)]
        return Entry(label, "", (), document(label, pods, missing_pins=[], **settings))

    named, loaded = f"{REGISTRY}/named@{DIGEST}", f"{REGISTRY}/loaded@{DIGEST}"
    both = plan(running("//a:myns", REFERENCE, references={"app": REFERENCE}), running("//b:myns", REFERENCE, f"ghcr.io/x@{DIGEST}", loaded, named),
                images=[image("//a:myns")], preloads=[Preload("//b:myns", loaded, Path("archive"), Path("loader"))])
    asked = []
    with ThreadPoolExecutor(2) as executor:
        delivery.check_pinned_images(both, executor, lambda *question: asked.append(question) or True)
        with pytest.raises(TurnupError, match=f"//b:myns: the registry does not have the image {named}, which the manifest names by digest; push it"):
            delivery.check_pinned_images(both, executor, lambda *_: False)

    assert asked == [(REGISTRY, "named", DIGEST, True)]


@pytest.mark.parametrize(("environment", "command"), [
    ("dev", "'bazel run //svc:pin -- dev'"), ("prod", "'bazel run //svc:pin -- prod --from=dev'"),
])
def test_missing_pins_name_the_command(environment, command):
    """The error names every missing pin and the command for that environment."""
    with pytest.raises(TurnupError) as caught:
        delivery.check_pins(plan(target("//a:x", {}, ("app",), environment), target("//b:x", {}, ("web",), environment)))

    assert "//a:x has no pin for image 'app'; //b:x has no pin for image 'web'" in str(caught.value)
    assert command in str(caught.value)


def loader(folder: Path, body: str) -> Path:
    """Writes a loader program."""
    path = folder / "loader"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_preload_runs_the_loader_with_the_frozen_kubeconfig(tmp_path):
    """The loader gets context, reference and archive, and a private kubeconfig of this context that is gone afterwards."""
    program = loader(tmp_path, f'echo "$@" > {tmp_path}/said; echo "$KUBECONFIG" > {tmp_path}/where; '
                               f'stat -c %a "$KUBECONFIG" > {tmp_path}/mode; cp "$KUBECONFIG" {tmp_path}/copy')
    loaded = plan(target("//prod:registry", {}), preloads=[Preload("//prod:registry", "registry:2", tmp_path / "a.tar", program)])

    assert delivery.preload(loaded, connection(), {"PATH": "/usr/bin:/bin"}) == 1
    assert (tmp_path / "said").read_text() == f"--context turnup-test --name registry:2 {tmp_path}/a.tar\n"
    assert (tmp_path / "mode").read_text() == "600\n"
    assert '"users": [{"secret": 1}]' in (tmp_path / "copy").read_text()
    assert not Path((tmp_path / "where").read_text().strip()).exists()


def test_preload_failure_is_one_sentence(tmp_path):
    """A loader that fails ends the run with its last line."""
    program = loader(tmp_path, "echo working; echo 'ERROR: node 2 is down; start it.' >&2; exit 1")
    failing = plan(target("//prod:registry", {}), preloads=[Preload("//prod:registry", "registry:2", tmp_path / "a.tar", program)])

    with pytest.raises(TurnupError, match="^//prod:registry: loading registry:2 onto the nodes failed: node 2 is down; start it.$"):
        delivery.preload(failing, connection(), {"PATH": "/usr/bin:/bin"})
    with pytest.raises(TurnupError, match=r"cannot be started \(No such file or directory\). Check the attribute loader"):
        delivery.preload(plan(target("//p:r", {}), preloads=[Preload("//p:r", "r", tmp_path, tmp_path / "none")]), connection(), {})


def test_registry_that_is_just_starting_is_waited_for():
    """The wait ends when the registry begins to answer; the wait is reported once."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    lines: list[str] = []
    started: list[HTTPServer] = []

    def start() -> None:
        started.append(HTTPServer(("127.0.0.1", port), BaseHTTPRequestHandler))
        started[0].handle_request()

    timer = threading.Timer(0.5, start)
    timer.start()
    registry = f"127.0.0.1:{port}"
    wanted = Plan("//svc:myns", registry, None, (target("//a:myns", {"app": f"{registry}/app@{DIGEST}"}),), (), ())
    delivery.wait_for_registry(wanted, lines.append, seconds=20)
    timer.join()
    started[0].server_close()

    assert lines == [f"waiting for the registry {registry}"]


def test_registry_that_nothing_needs_is_not_asked():
    """A plan without images of the registry does not wait for it; the error names a registry that never answers."""
    lines: list[str] = []
    delivery.wait_for_registry(plan(target("//a:myns", {})), lines.append)
    assert lines == []
    with socket.create_server(("127.0.0.1", 0)) as taken:
        registry = f"127.0.0.1:{taken.getsockname()[1]}"
    absent = Plan("//svc:myns", registry, None, (target("//a:myns", {"app": f"{registry}/app@{DIGEST}"}),), (), ())
    with pytest.raises(TurnupError, match=f"the registry {registry} has not answered for 0 s. Check that it runs"):
        delivery.wait_for_registry(absent, lines.append, seconds=0.3)
    assert len(lines) == 1
