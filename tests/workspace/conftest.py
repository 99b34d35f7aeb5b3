"""A workspace with this repository's rules and a small stack of its own, and a Bazel server for it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Iterator

import pytest

from tests.repo.tree import ROOT

STACK = ("//stack/top:myns-deep", "//stack/top:dev-deep", "//stack/aside:myns-deep")
_SETTINGS = """function(env, service, deps, images) {
  settings: {
    apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: service.name },
    data: { port: std.toString(service.port) } + { [dep]: '%s:%d' % [deps[dep].host, deps[dep].port] for dep in std.objectFields(deps) },
  },
}
"""
_POD = """function(env, service, deps, images) {
  pod: {
    apiVersion: 'v1', kind: 'Pod', metadata: { name: service.name },
    spec: { containers: [{ name: 'main', image: images.base }] },
  },
}
"""
_OBJECTS = """
load("@k8s_deploy//:defaults.bzl", "k8s_deploy")
load("//rules/k8s:defs.bzl", "k8s_object")

k8s_deploy(name = "defaults", template = "settings.yaml")

k8s_object(name = "variables", context = "ctx-{BUILD_USER}", namespace = "$(place)", template = "settings.yaml",
           substitutions = {"%{value}": "$(place)"}, tags = ["manual"])
"""
_YAML = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {key: '%{value}'}\n"


class Workspace:
    """The workspace: stack/base ← stack/middle ← stack/top, and stack/aside, which nobody depends on.

    Attributes:
        root: its folder.
    """

    def __init__(self, root: Path, output_base: Path):
        self.root = root
        self._output_base = output_base
        self.reset()

    def reset(self) -> None:
        """Writes the stack as it is at first."""
        shutil.rmtree(self.root / "stack", ignore_errors=True)
        for name, port, deps in (("base", 7001, ""), ("middle", 7002, '"//stack/base"'), ("top", 7003, '"//stack/middle"'), ("aside", 7004, "")):
            image = 'image = ":image", pins = "pins.yaml", ' if name == "base" else ""
            self.write(f"stack/{name}/BUILD", f"""load("//rules/k8s:defs.bzl", "microservice")
load("//rules/image:defs.bzl", "container_image")
container_image(name = "image", files = ["pins.yaml"])
microservice(name = "{name}", {image}service = "service.yaml", manifests = "{name}.jsonnet", deps = [{deps}])
""")
            self.write(f"stack/{name}/service.yaml", f"name: {name}\nport: {port}\n")
            self.write(f"stack/{name}/{name}.jsonnet", _POD if name == "base" else _SETTINGS)
            self.write(f"stack/{name}/pins.yaml", "# none yet\n")
        self.write("stack/objects/BUILD", _OBJECTS)
        self.write("stack/objects/settings.yaml", _YAML)

    def write(self, name: str, text: str) -> None:
        """Writes a file of the workspace."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def read(self, name: str) -> str:
        """Reads a file of the workspace."""
        return (self.root / name).read_text()

    def bazel(self, *arguments: str, **environ: str) -> tuple[int, str]:
        """Runs Bazel; returns its exit code and all that it printed."""
        done = subprocess.run(
            ["bazel", f"--output_base={self._output_base}", *arguments], cwd=self.root, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=600,
            env={**{key: value for key, value in os.environ.items() if not key.startswith(("TEST_", "RUNFILES_", "TURNUP_"))},
                 "USER": "jane", **environ})
        return done.returncode, done.stdout

    def build(self, *targets: str, **environ: str) -> tuple[int, str]:
        """Builds targets."""
        return self.bazel("build", *targets, **environ)

    def error(self, target: str, **environ: str) -> list[str]:
        """Builds a target that must fail in an action or while loading; returns the lines with ERROR in them."""
        code, said = self.build(target, **environ)
        assert code != 0, said
        assert "Traceback" not in said, said
        return [line for line in said.splitlines() if "ERROR" in line]

    def ran(self, *targets: str) -> set[tuple[str, str]]:
        """Builds targets; returns (mnemonic, first output below stack/) of every action of the stack that ran."""
        log = self.root.parent / "execution.json"
        code, said = self.bazel("build", f"--execution_log_json_file={log}", *targets)
        assert code == 0, said
        return {(entry["mnemonic"], entry["listedOutputs"][0].partition("/bin/stack/")[2]) for entry in _json_values(log.read_text())
                if "/bin/stack/" in entry["listedOutputs"][0]}


def _json_values(text: str) -> Iterator[dict]:
    """Yields the JSON values that stand one after the other in a text."""
    decoder, at = json.JSONDecoder(), 0
    while at < len(text.rstrip()):
        value, end = decoder.raw_decode(text, at)
        yield value
        at = end + len(text[end:]) - len(text[end:].lstrip())


@pytest.fixture(name="server", scope="session")
def fixture_server(tmp_path_factory):
    """The workspace and its Bazel server, which ends with the tests."""
    root = tmp_path_factory.mktemp("workspace") / "src"
    root.mkdir()
    for path in ROOT.iterdir():
        if not path.name.startswith(("bazel-", ".git")) and path.name not in ("WORKSPACE", "stack"):
            (root / path.name).symlink_to(path)
    (root / "WORKSPACE").write_text((ROOT / "WORKSPACE").read_text() + """
load("//rules/k8s:repositories.bzl", "k8s_defaults")
k8s_defaults(name = "k8s_deploy", kind = "configmap", namespace = "from-defaults")
""")
    workspace = Workspace(root, tmp_path_factory.mktemp("bazel") / "base")
    yield workspace
    workspace.bazel("shutdown")


@pytest.fixture(name="workspace")
def fixture_workspace(server):
    """The workspace in its first state, built."""
    server.reset()
    code, said = server.build(*STACK)
    assert code == 0, said
    return server
