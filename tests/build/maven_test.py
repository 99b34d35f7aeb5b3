"""Tests of maven_repository in a whole workspace: locks, labels, and what a build downloads."""

import os
import re
from pathlib import Path

import pytest

from rules.java.tools.maven.testing.fake_repository import FakeRepository
from tests.build.nested import Nested

_PASSWORD = "s3cret-of-the-house"
_RULES = """
load("//rules/java:repositories.bzl", "maven")
maven_repository(
    name = "jars",
    artifacts = [
        "com.example:app:1.0",
        "com.example:tool:exe:linux-x86_64:3",
        maven.artifact(group = "com.example", artifact = "web", version = "1.0", exclusions = ["com.example:log"], testonly = True),
    ],
    lock = "//:jars.lock",
    override_targets = {"com.example:old": "@//:own"},
    strict_visibility = True,
)
load("@jars//:defs.bzl", pinned_jars = "pinned_maven_install")
pinned_jars()
"""
_BUILD = """
load("@rules_java//java:defs.bzl", "java_import")
java_import(name = "own", jars = [], visibility = ["//visibility:public"])
java_import(name = "uses_app", jars = [], exports = ["@jars//:com_example_app"])
java_import(name = "uses_web", jars = [], exports = ["@jars//:com_example_web"])
java_import(name = "uses_lib", jars = [], exports = ["@jars//:com_example_lib"])
genrule(
    name = "runs_tool",
    outs = ["said.txt"],
    cmd = "$(execpath @jars//:com_example_tool_exe_linux_x86_64) > $@",
    tools = ["@jars//:com_example_tool_exe_linux_x86_64"],
)
"""


class _House:
    """The workspace, the repository that its user has as mirror, and that user's environment."""

    def __init__(self, nested: Nested, repository: FakeRepository, environ: dict[str, str]) -> None:
        self.nested, self.repository, self.environ = nested, repository, environ

    def bazel(self, *words: str) -> tuple[int, str]:
        """Runs Bazel as the user; returns its exit code and what it prints."""
        done = self.nested.bazel(*words, **self.environ)
        return done.returncode, done.stdout + done.stderr

    def downloads(self) -> set[str]:
        """Returns the names of the files that were asked for since the last call, without POMs and checksums."""
        names = {Path(path).name for path in self.repository.requests}
        self.repository.requests.clear()
        return {name for name in names if name.endswith((".jar", ".exe"))}


@pytest.fixture(scope="module", name="house")
def _house(tmp_path_factory):
    """Yields a workspace with an empty lock. The repository wants a password, and looks for it in every command line."""
    with FakeRepository(login=("me", _PASSWORD)) as repository, Nested(tmp_path_factory.mktemp("nested")) as nested:
        for name, needs in (("lib", ""), ("log", ""), ("old", ""), ("app", "lib:1.0 old:1.0"), ("web", "lib:1.0 log:1.0")):
            repository.put(f"com.example:{name}:jar::1.0", " ".join(f"com.example:{need}" for need in needs.split()))
        repository.put("com.example:tool:exe:linux-x86_64:3", content=b"#!/bin/sh\necho works\n")
        environ = repository.home(tmp_path_factory.mktemp("home"), server="<username>me</username><password>${env.HOUSE_PASSWORD}</password>")
        (nested.root / "jars.lock").touch()
        (nested.root / "jars.txt").write_text("# a comment\n\ncom.example:x:y:z:1:2\n")
        with nested.edited("WORKSPACE", r"\Z", _RULES), nested.edited("BUILD", r"\Z", _BUILD):
            yield _House(nested, repository, {**environ, "HOUSE_PASSWORD": _PASSWORD})


def _command_lines() -> str:
    lines = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            lines.append((process / "cmdline").read_bytes().decode(errors="replace"))
        except OSError:  # It has ended.
            continue
    return "\n".join(lines)


def test_from_an_empty_lock_to_a_build(house):
    """An empty lock is one sentence; the update command writes it, and a build then downloads only what its target needs."""
    code, said = house.bazel("build", "//:uses_app")
    assert code != 0
    assert "//:jars.lock is empty. Run `bazel run @jars//update`." in said
    # What needs none of the jars is not affected.
    assert house.bazel("build", "//:own")[0] == 0

    shown: list[bool] = []
    house.repository.hold = lambda: shown.append(_PASSWORD in _command_lines())
    code, said = house.bazel("run", "@jars//update")
    assert code == 0, said
    assert "//:jars.lock: 5 artifacts, 5 changed" in said
    house.downloads()

    # Not from Maven's local repository.
    local = Path(house.environ["HOME"], ".m2/repository")
    local.rename(local.with_name("moved"))
    code, said = house.bazel("build", "//:uses_app")
    assert code == 0, said
    assert house.downloads() == {"app-1.0.jar", "lib-1.0.jar"}
    assert shown
    assert not any(shown)
    assert _PASSWORD not in said


def test_a_program_runs(house):
    """An artifact of packaging exe is an executable file."""
    code, said = house.bazel("build", "//:runs_tool")

    assert code == 0, said
    assert (house.nested.root / "bazel-bin/said.txt").read_text() == "works\n"


def test_a_second_output_base_downloads_nothing(house):
    """After everything was thrown away, the same build takes all files from the user's cache."""
    house.downloads()
    assert house.bazel("clean", "--expunge")[0] == 0
    code, said = house.bazel("build", "//:uses_app", "//:runs_tool")

    assert code == 0, said
    assert house.downloads() == set()


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("//:uses_web", "non-test target '//:uses_web' depends on testonly target '@jars//:com_example_web'"),
        ("//:uses_lib", "target '@jars//:com_example_lib' is not visible from target '//:uses_lib'"),
    ],
)
def test_visibility(house, target, message):
    """testonly of an artifact and strict_visibility are those of its target."""
    assert re.search(message, house.bazel("build", target)[1])


def test_the_targets_of_a_lock(house):
    """A replaced artifact is an alias, an excluded one is not there, and tags have the coordinates."""
    _, out = house.bazel("query", "--output=build", "@jars//:all")

    assert re.search(r'alias\(\n  name = "com_example_old",\n.*\n?  actual = "//:own"', out)
    assert "com_example_log" not in out
    assert 'tags = ["maven_coordinates=com.example:app:1.0"]' in out


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"com.example:app:1.0"', '"com.example:app:2.0"', r"//:jars.lock does not have com.example:app:2.0. Run `bazel run @jars//update`."),
        (r'"com.example:app:1.0",', "", r"//:jars.lock still has com.example:app:1.0, which @jars no longer lists. Run `bazel run @jars//update`."),
        (r'lock = "//:jars.lock",', 'lock = "//:jars.lock", fetch_sources = True,', r"//:jars.lock was made with other fetch_sources than @jars has. Run"),
        ('"com.example:app:1.0"', '"com.example"', r'@jars: "com.example" is not an artifact. Write group:artifact:version'),
        ('"com.example:app:1.0"', '"com.example:a/b:1"', r'@jars: "com.example:a/b:1" is not an artifact.'),
        (r"artifacts = \[[^]]*\]\)?[^]]*\],", "", r"@jars: artifacts and artifacts_file name nothing. Add an artifact, such as group:artifact:version."),
        (r'lock = "//:jars.lock",', 'lock = "//:jars.lock", artifacts_file = "//:jars.txt",', r'//:jars.txt:3: "com.example:x:y:z:1:2" is not an artifact.'),
        (r'exclusions = \["com.example:log"\]', 'exclusions = ["log"]', r'exclusion "log" is not group:artifact. Write a group'),
    ],
)
def test_a_list_that_differs_from_the_lock(house, old, new, message):
    """A lock of another list is one sentence that says what differs and names the command; so is a malformed list."""
    with house.nested.edited("WORKSPACE", old, new):
        code, said = house.bazel("build", "//:uses_app")

    assert code != 0
    assert message in said


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (r"\A\{", "<<<<<<< HEAD\n{", "//:jars.lock is not a lock; it may have conflict marks of a merge. Take one side or empty the file. Run"),
        (r"\}\n\Z", "", "//:jars.lock is not a lock; it may"),
        (r'"version": 1$', '"version": 2', "//:jars.lock has format 2, and this version of Turnup reads format 1. Run `bazel run @jars//update`."),
    ],
)
def test_a_damaged_lock(house, old, new, message):
    """A lock that cannot be read stops what needs its jars, and nothing else."""
    with house.nested.edited("jars.lock", old, new):
        assert message in house.bazel("build", "//:uses_app")[1]
        assert house.bazel("build", "//:own")[0] == 0


def test_a_jar_that_differs_from_the_lock(house):
    """A file with another checksum than the lock's fails the build of what needs it, by its coordinates."""
    lock = house.nested.root / "jars.lock"
    text = lock.read_text()
    found = re.search(r'"com.example:lib": \{.*?"sha256": "(\w+)"', text, re.DOTALL)
    assert found
    with house.nested.edited("jars.lock", found[1], "0" * 64):
        code, said = house.bazel("build", "//:uses_app")

    assert code != 0
    assert "com.example:lib:1.0: repository house has another file than the lock: its SHA-256 is " + found[1] in said
    assert os.path.exists(lock)
