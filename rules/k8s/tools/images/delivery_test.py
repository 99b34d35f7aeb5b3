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
from rules.image.tools.push import plan as push_planner
from rules.image.tools.registry.names import is_private
from rules.image.tools.testing.fake_registry import FakeRegistry
from rules.k8s.testing.plans import REGISTRY, document
from rules.k8s.tools.errors import TurnupError
from rules.k8s.tools.images import delivery
from rules.k8s.tools.images.debug_image import push_debug_image
from rules.k8s.tools.images.push_report import PushReport
from rules.k8s.tools.kubeconfig.kubeconfig import Connection
from rules.k8s.tools.objects.plan import Entry, Plan, Preload, PushPlan

DIGEST = "sha256:" + "a" * 64
REFERENCE = f"{REGISTRY}/app@{DIGEST}"


def plan(*entries: Entry, push_plans=(), preloads=()) -> Plan:
    """Returns a plan of these parts."""
    return Plan("//svc:myns-deep", REGISTRY, None, entries, tuple(push_plans), tuple(preloads))


def target(label: str, references: dict[str, str], missing: tuple[str, ...] = (), environment: str = "myns") -> Entry:
    """Returns a target with manifests that use these references."""
    return Entry(label, "", (), document(label, [], references=references, missing_pins=list(missing), environment=environment))


def push_plan(folder: Path, label: str, registry: str = REGISTRY, keys: tuple[str, ...] = ("app",)) -> PushPlan:
    """Writes the push plan of a target, for an image without layers in the repository `app`; the build leaves unused images out."""
    config = b'{"rootfs":{"diff_ids":[]}}'
    manifest = oci.dump(oci.build_manifest(config, []))
    (folder / "config").write_bytes(config)
    (folder / "manifest").write_bytes(manifest)
    image = {
        "docker": None,
        "docker_runfiles": None,
        "manifest": str(folder / "manifest"),
        "runfiles": "manifest",
        "config": "config",
        "layers": [],
        "reference": None,
    }
    (folder / "resolved.json").write_bytes(oci.dump({"references": {key: f"{registry}/app@{oci.sha256(manifest)}" for key in keys}}))
    spec = {
        "where": label,
        "registry": registry,
        "insecure": False,
        "private_plain": True,
        "format": "OCI",
        "status": [],
        "references": str(folder / "resolved.json"),
        "images": [{**image, "key": "app"}],
    }
    (folder / "spec").write_bytes(oci.dump(spec))
    assert push_planner.main(["--spec", str(folder / "spec"), "--plan", str(folder / "push.plan")]) == 0
    return PushPlan(label, keys, folder / "push.plan", folder)


def connection() -> Connection:
    """Returns a connection that sends no requests."""
    return Connection("turnup-test", "c", "https://x", None, True, "", None, None, dict, {"kind": "Config", "users": [{"secret": 1}]})


def test_each_image_is_pushed_once(tmp_path):
    """Two targets that run one image push it once, to the repository of their reference."""
    pushed = []

    def push(jobs, registry, plain, report):
        pushed.append((registry, plain, [job.repository for job in jobs]))
        return 1

    both = [push_plan(tmp_path, "//a:myns"), push_plan(tmp_path, "//b:myns")]

    assert delivery.push_built(both, push) == (1, 1)
    assert pushed == [(REGISTRY, True, ["app"])]


def test_a_busy_registry_is_reported(tmp_path, monkeypatch):
    """An apply with a push that has to wait prints the reason; the image is in the registry then."""
    monkeypatch.setattr("rules.image.tools.registry.retry.FIRST_PAUSE", 0.0)
    said: list[str] = []
    with FakeRegistry() as registry:
        busy = iter([True])
        registry.fault = lambda request: request.command == "PUT" and next(busy, False) and (request.answer(503) or True)
        report = PushReport(said.append, io.StringIO())
        assert delivery.push_built([push_plan(tmp_path, "//a:myns", registry.name)], report=report) == (1, 1)
    assert [line for line in said if "attempt 2 of" in line and registry.name in line and "503" in line] == said[:1]
    assert said[1:] == ["  pushed      app"]


def test_debug_image_is_pushed_when_the_registry_lacks_it(tmp_path):
    """The reference of the debug image names its digest in the registry that its plan names; a second push sends nothing."""
    said: list[str] = []
    with FakeRegistry() as registry:
        plan = push_plan(tmp_path, "//svc:myns", registry.name)
        report = PushReport(said.append, io.StringIO())
        digest = oci.sha256((tmp_path / "manifest").read_bytes())

        assert push_debug_image(plan, report) == f"{registry.name}/app@{digest}"
        assert said == ["  pushed      app"]
        assert push_debug_image(plan, report) == f"{registry.name}/app@{digest}"
        assert said == ["  pushed      app"]
    with pytest.raises(TurnupError, match=r"^push.plan has 0 images instead of one; build the target again$"):
        push_debug_image(push_plan(tmp_path, "//svc:myns", keys=()), None)


def test_unused_image_is_not_pushed(tmp_path):
    """An image that no manifest runs is not pushed."""
    assert delivery.push_built([push_plan(tmp_path, "//a:myns", keys=())], lambda *_: 1) == (0, 0)


@pytest.mark.parametrize(
    ("registry", "plain"),
    [
        ("172.19.0.2:31000", True),
        ("127.0.0.1:5000", True),
        ("localhost:5000", True),
        ("localhost", True),
        ("ghcr.io", False),
        ("registry.example:5000", False),
        ("8.8.8.8:443", False),
    ],
)
def test_plain_http_for_private_addresses_only(registry, plain):
    """Only private and loopback addresses use plain HTTP."""
    assert is_private(registry) is plain


def test_pinned_images_must_exist():
    """The error for a missing pinned image has the command that renews the pin; other registries are not asked."""
    asked = []
    pinned = plan(
        target("//a:dev", {"app": REFERENCE, "other": f"ghcr.io/x@{DIGEST}"}, environment="dev"),
        target("//b:dev", {"app": REFERENCE}, environment="dev"),
    )

    with ThreadPoolExecutor(2) as executor:
        delivery.check_pinned_images(pinned, executor, lambda *question: asked.append(question) or True)
        with pytest.raises(TurnupError, match="//a:dev: the registry does not have the pinned image .*bazel run //svc:pin -- dev"):
            delivery.check_pinned_images(pinned, executor, lambda *question: False)

    assert asked == [(REGISTRY, "app", DIGEST, True)]


def test_built_images_are_not_asked_for(tmp_path):
    """What is about to be pushed need not be in the registry."""
    with ThreadPoolExecutor(1) as executor:
        delivery.check_pinned_images(plan(target("//a:myns", {"app": REFERENCE}), push_plans=[push_plan(tmp_path, "//a:myns")]), executor, lambda *_: False)


def test_images_named_by_digest_must_exist(tmp_path):
    """An image of the workspace's registry that only a manifest names is asked for; what the run brings and other registries' are not."""

    def running(label: str, *references: str, **settings) -> Entry:
        pods = [
            {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"p{index}", "namespace": "dev"}, "spec": {"containers": [{"image": reference}]}}
            for index, reference in enumerate(references)
        ]
        return Entry(label, "", (), document(label, pods, missing_pins=[], **settings))

    named, loaded = f"{REGISTRY}/named@{DIGEST}", f"{REGISTRY}/loaded@{DIGEST}"
    both = plan(
        running("//a:myns", REFERENCE, references={"app": REFERENCE}),
        running("//b:myns", REFERENCE, f"ghcr.io/x@{DIGEST}", loaded, named),
        push_plans=[push_plan(tmp_path, "//a:myns")],
        preloads=[Preload("//b:myns", loaded, Path("archive"), Path("loader"))],
    )
    asked = []
    with ThreadPoolExecutor(2) as executor:
        delivery.check_pinned_images(both, executor, lambda *question: asked.append(question) or True)
        with pytest.raises(TurnupError, match=f"//b:myns: the registry does not have the image {named}, which the manifest names by digest; push it"):
            delivery.check_pinned_images(both, executor, lambda *_: False)

    assert asked == [(REGISTRY, "named", DIGEST, True)]


@pytest.mark.parametrize(
    ("environment", "command"),
    [
        ("dev", "'bazel run //svc:pin -- dev'"),
        ("prod", "'bazel run //svc:pin -- prod', or with --from=ENV as well"),
    ],
)
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
    program = loader(
        tmp_path,
        f'echo "$@" > {tmp_path}/said; echo "$KUBECONFIG" > {tmp_path}/where; stat -c %a "$KUBECONFIG" > {tmp_path}/mode; cp "$KUBECONFIG" {tmp_path}/copy',
    )
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
    delivery.wait_for_registry(wanted, lines.append, timeout=20)
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
    with pytest.raises(TurnupError, match=f"the registry {registry} has not answered for 0 s; check that it runs"):
        delivery.wait_for_registry(absent, lines.append, timeout=0.3)
    assert len(lines) == 1
