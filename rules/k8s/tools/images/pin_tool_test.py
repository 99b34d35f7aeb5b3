"""Tests of the pin program."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from rules.image.tools.oci import oci
from rules.image.tools.testing.fake_registry import FakeRegistry
from rules.k8s.tools.images import pin_tool

OLD, NEW = "sha256:" + "a" * 64, "sha256:" + "b" * 64
REGISTRY = "192.0.2.1:31000"


class Workspace:
    """A workspace with two services, redis and server, and their pin target."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.commands: list[list[str]] = []
        self.runfiles = folder / "base" / "execroot" / "turnup" / "pin.runfiles"
        for name in ("redis", "server"):
            (folder / "src" / name).mkdir(parents=True)
            self.pins(name).write_text(f"# pins of {name}\ndev:\n  {name}: {REGISTRY}/{name}@{OLD}\n")
        self.plan(push="//svc:pin.push")

    def pins(self, name: str) -> Path:
        """Returns the checked-in pins file of a service."""
        return self.folder / "src" / name / "pins.yaml"

    def plan(self, push: str = "", **changes: Any) -> None:
        """Writes the plan of the pin target."""
        root = self.runfiles / "turnup"
        root.mkdir(parents=True, exist_ok=True)
        (root / "digest").write_text(NEW)
        files = {"digest": "digest", "push_plan": "push.plan"}
        lines: list[dict[str, Any]] = [
            {
                "label": "//svc:pin",
                "push": push,
                "registry": REGISTRY,
                "context": "turnup-test",
                "workspace": "turnup",
                "environments": ["prod", "staging", "dev"],
            }
        ]
        lines += [{"label": f"//{name}:pin", "name": name, "pins": f"{name}/pins.yaml", "repository": name, **files, **changes} for name in ("redis", "server")]
        (root / "plan.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))

    def run(self, *arguments: str, **environ: str) -> tuple[int, str, str]:
        """Runs the program; returns exit code, stdout and stderr."""
        out, err = io.StringIO(), io.StringIO()
        code = pin_tool.main(
            ["turnup/plan.jsonl", *arguments],
            out,
            err,
            {"RUNFILES_DIR": str(self.runfiles), "BUILD_WORKSPACE_DIRECTORY": str(self.folder / "src"), **environ},
            lambda program, command, environ: self.commands.append(command),
        )
        return code, out.getvalue(), err.getvalue()


@pytest.fixture(name="workspace")
def fixture_workspace(tmp_path, monkeypatch):
    """The workspace, with pushes that succeed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pin_tool, "push_built", lambda plan, environ: len(plan.services))
    return Workspace(tmp_path)


def test_from_moves_pins_and_builds_nothing(workspace):
    """--from copies every service's pin and starts no build; the rest of each file stays."""
    code, out, err = workspace.run("staging", "--from=dev")

    assert code == 0, err
    assert workspace.commands == []
    assert workspace.pins("redis").read_text() == (f"# pins of redis\ndev:\n  redis: {REGISTRY}/redis@{OLD}\nstaging:\n  redis: {REGISTRY}/redis@{OLD}\n")
    assert "pinned     server/pins.yaml: staging.server" in out


def test_building_is_handed_to_bazel(workspace):
    """Without --from, the target with the built images runs, with the same arguments and in the same Bazel server."""
    assert workspace.run("dev", "--dry-run")[0] == 0
    base = f"--output_base={workspace.folder.resolve() / 'base'}"
    assert workspace.commands == [["bazel", base, "run", "//svc:pin.push", "--", "dev", "--dry-run"]]
    assert workspace.run("dev", BAZEL="/opt/bazel")[0] == 0
    assert workspace.commands[-1][0] == "/opt/bazel"


def test_built_digests_are_written(workspace):
    """The target with the built images pushes them and writes their digests; a second run changes nothing."""
    workspace.plan()
    code, out, err = workspace.run("dev")

    assert code == 0, err
    assert "2 of 2 images were new" in out
    assert workspace.pins("redis").read_text() == f"# pins of redis\ndev:\n  redis: {REGISTRY}/redis@{NEW}\n"
    assert "unchanged  redis/pins.yaml" in workspace.run("dev")[1]


def test_built_images_are_pushed_by_their_plan(tmp_path):
    """The images go where the push plans say, each once; a second push sends nothing."""
    root = tmp_path / "turnup"
    root.mkdir()
    manifest = oci.dump(oci.build_manifest(b"{}", []))
    (tmp_path / "config").write_bytes(b"{}")
    (tmp_path / "manifest").write_bytes(manifest)
    with FakeRegistry() as registry:
        lines = [
            ("registry", registry.name, "plain"),
            ("image", "redis", oci.sha256(manifest), oci.MANIFEST, len(manifest), "manifest"),
            ("blob", oci.sha256(b"{}"), 2, "config"),
        ]
        (root / "push.plan").write_text("".join("\t".join(map(str, line)) + "\n" for line in lines))
        services = tuple({"label": f"//{name}:pin", "push_plan": "push.plan"} for name in ("redis", "again"))
        plan = pin_tool.PinPlan("//svc:pin", "", registry.name, "turnup-test", (), services, root)
        assert [pin_tool.push_built(plan, {}) for _ in range(2)] == [1, 0]
        assert registry.manifests["redis", oci.sha256(manifest)] == manifest


def test_dry_run_writes_nothing(workspace):
    """--dry-run prints what would change and changes no file."""
    workspace.plan()
    before = workspace.pins("server").read_text()

    assert "would pin  server/pins.yaml: dev.server" in workspace.run("dev", "--dry-run")[1]
    assert workspace.pins("server").read_text() == before


def test_missing_source_pin_writes_nothing(workspace):
    """If one service has no pin to copy, no file changes, and the error has the command that pins it."""
    workspace.pins("server").write_text("")
    before = workspace.pins("redis").read_text()
    code, _, err = workspace.run("staging", "--from=dev")

    assert code == 1
    assert err == ("ERROR: server/pins.yaml has no pin of 'server' in dev to copy. Nothing was written. Pin it with 'bazel run //svc:pin -- dev'.\n")
    assert workspace.pins("redis").read_text() == before


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("myns",), 2, "'myns' is not an environment with pins. Use one of prod, staging, dev."),
        (("dev", "--from=qa"), 2, "'qa' is not an environment"),
        (("dev", "--from=dev"), 2, "--from=dev: copies the pins of an environment to itself."),
    ],
)
def test_usage(workspace, arguments, code, message):
    """Wrong arguments fail with exit code 2 and one sentence."""
    result = workspace.run(*arguments)

    assert result[0] == code and message in result[2]


def test_service_without_pins_file(workspace):
    """The error for a service with an image but no pins file has the line to add."""
    workspace.plan(pins="")
    code, _, err = workspace.run("dev")

    assert code == 1
    assert '//redis has an image but no pins file. Add pins = "pins.yaml" to its microservice' in err


def test_outside_bazel_is_refused(workspace):
    """Outside `bazel run`, where the workspace is unknown, the program fails."""
    code, _, err = workspace.run("dev", BUILD_WORKSPACE_DIRECTORY="")

    assert code == 1 and "BUILD_WORKSPACE_DIRECTORY is not set. Start the target with 'bazel run'" in err
