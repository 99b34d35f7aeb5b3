"""Tests of the update command, with the machine's Maven and a fake repository."""

import hashlib
import io
import json
import os
from pathlib import Path

import pytest

from rules.java.tools.maven import fetch, update
from rules.java.tools.maven import lock as maven_lock
from rules.java.tools.maven.coordinates import Coordinates
from rules.java.tools.maven.errors import InputError, run
from rules.java.tools.maven.resolver import Conflict
from rules.java.tools.maven.store import Store
from rules.java.tools.maven.testing.fake_repository import FakeRepository


class _Workspace:
    """A workspace with one list of artifacts, and a user who has the fake repository as mirror."""

    def __init__(self, folder: Path, repository: FakeRepository) -> None:
        self.folder = folder
        self.repository = repository
        self.lock = folder / "jars/maven.lock"
        self.lock.parent.mkdir()
        self.lock.touch()

    def update(self, *artifacts: str, **changes: object) -> tuple[int, str, str]:
        """Runs the command on a list; returns its exit code, standard output and standard error."""
        request = {
            "artifacts": sorted(artifacts),
            "boms": [],
            "excluded_artifacts": [],
            "exclusions": {},
            "fetch_sources": False,
            "lock": "//jars:maven.lock",
            "repository": "maven",
            "version_conflict_policy": "default",
            **changes,
        }
        out, err = io.StringIO(), io.StringIO()
        code = run(lambda _: out.write(update.update(request, str(self.folder))) and 0, [], err)
        return code, out.getvalue(), err.getvalue()

    def artifacts(self) -> dict[str, dict[str, object]]:
        """Returns the artifacts of the lock."""
        return json.loads(self.lock.read_text())["artifacts"]

    def versions(self) -> dict[str, object]:
        """Returns the locked version of each artifact."""
        return {key.removeprefix("com.example:"): one["version"] for key, one in self.artifacts().items()}


@pytest.fixture(name="workspace")
def _workspace(tmp_path, monkeypatch):
    """Yields a workspace whose repository has `app` and `web`, which need `lib` in version 1.0 and 2.0."""
    with FakeRepository() as repository:
        for name, value in repository.home(tmp_path / "home").items():
            monkeypatch.setenv(name, value)
        # Compiled classes are shared by all tests of a run.
        monkeypatch.setenv("XDG_CACHE_HOME", os.environ.get("TEST_TMPDIR", str(tmp_path.parent)))
        repository.put("com.example:lib:jar::1.0")
        repository.put("com.example:lib:jar::2.0")
        repository.put("com.example:log:jar::1.0")
        repository.put("com.example:app:jar::1.0", "com.example:lib:1.0 com.example:log:1.0:runtime com.example:junit:4:test")
        repository.put("com.example:web:jar::1.0", "com.example:lib:2.0")
        folder = tmp_path / "workspace"
        folder.mkdir()
        yield _Workspace(folder, repository)


def test_a_lock_has_the_whole_graph(workspace):
    """Each artifact has version, checksum, packages, and what it needs to compile and to run; tests' needs are left out."""
    code, out, _ = workspace.update("com.example:app:1.0")

    assert code == 0
    assert out.splitlines() == [
        "//jars:maven.lock: 3 artifacts, 3 changed",
        "  com.example:app: not there -> 1.0",
        "  com.example:lib: not there -> 1.0",
        "  com.example:log: not there -> 1.0",
    ]
    app = workspace.artifacts()["com.example:app"]
    assert (app["deps"], app["runtime_deps"], app["packages"]) == (["com.example:lib"], ["com.example:log"], ["app"])


def test_a_lock_names_no_host_and_is_reproducible(workspace):
    """The same list gives the same bytes, in any order, and no address is in them."""
    workspace.update("com.example:app:1.0", "com.example:web:1.0")
    first = workspace.lock.read_bytes()

    assert workspace.update("com.example:web:1.0", "com.example:app:1.0")[1].endswith("4 artifacts, up to date\n")
    assert workspace.lock.read_bytes() == first
    assert b"127.0.0.1" not in first
    assert b"http" not in first


def test_the_highest_version_wins_and_is_shown(workspace):
    """A table shows the version that was not chosen, and the way to what asks for it."""
    _, out, _ = workspace.update("com.example:app:1.0", "com.example:web:1.0")

    assert workspace.versions()["lib"] == "2.0"
    assert out.splitlines()[:2] == [
        "ARTIFACT         ASKED FOR  CHOSEN  ASKED FOR BY",
        "com.example:lib  1.0        2.0     app:1.0",
    ]


def test_a_pinned_version_wins(workspace):
    """With version_conflict_policy `pinned` the list's version is chosen, even if it is lower."""
    workspace.update("com.example:lib:1.0", "com.example:web:1.0", version_conflict_policy="pinned")
    assert workspace.versions()["lib"] == "1.0"

    workspace.update("com.example:lib:1.0", "com.example:web:1.0")
    assert workspace.versions()["lib"] == "2.0"


def test_a_conflict_can_be_an_error(workspace):
    """With version_conflict_policy `error` the command fails with the table, and the lock stays."""
    code, _, err = workspace.update("com.example:app:1.0", "com.example:web:1.0", version_conflict_policy="error")

    assert code == 1
    assert err.startswith("ERROR: @maven: artifacts are asked for in several versions. Add those that you want to the list")
    assert "com.example:lib  1.0        2.0     app:1.0" in err
    assert workspace.lock.read_bytes() == b""


def test_ranges_that_exclude_each_other(workspace):
    """Hard requirements that no version fulfills are one sentence."""
    workspace.repository.put("com.example:old:jar::1.0", "com.example:lib:[1.0]")
    workspace.repository.put("com.example:new:jar::1.0", "com.example:lib:[2.0]")
    versions = "<versioning><versions><version>1.0</version><version>2.0</version></versions></versioning>"
    metadata = f"<metadata><groupId>com.example</groupId><artifactId>lib</artifactId>{versions}</metadata>"
    workspace.repository.publish("com/example/lib/maven-metadata.xml", metadata.encode())

    code, _, err = workspace.update("com.example:old:1.0", "com.example:new:1.0")
    assert code == 1
    assert err.startswith("ERROR: no version of ")
    assert err.endswith("Exclude one of them, or name a version in the list.\n")


@pytest.mark.parametrize(
    "changes",
    [
        {"excluded_artifacts": ["com.example:log"]},
        {"excluded_artifacts": ["*:log"]},
        {"exclusions": {"com.example:app:1.0": ["com.example:log"]}},
    ],
)
def test_exclusions(workspace, changes):
    """What is excluded everywhere, or for one artifact, is not locked."""
    workspace.update("com.example:app:1.0", **changes)

    assert workspace.versions() == {"app": "1.0", "lib": "1.0"}


def test_a_bom_gives_versions(workspace):
    """A BOM decides the version of an artifact without one, and of what others need; the table says so."""
    workspace.repository.put("com.example:bom:pom::1", managed="com.example:app:1.0 com.example:lib:2.0")

    _, out, _ = workspace.update("com.example:app", boms=["com.example:bom:1"])
    assert workspace.versions() == {"app": "1.0", "lib": "2.0", "log": "1.0"}
    assert "com.example:lib  1.0        2.0 (BOM)  app:1.0" in out


def test_sources(workspace):
    """With fetch_sources an artifact's sources are locked if they are published."""
    workspace.repository.put("com.example:lib:jar:sources:1.0")
    workspace.update("com.example:app:1.0", fetch_sources=True)

    assert {key for key, one in workspace.artifacts().items() if "sources_sha256" in one} == {"com.example:lib"}


def test_classifiers_and_programs(workspace):
    """Files of another packaging or with a classifier are artifacts of their own."""
    workspace.repository.put("com.example:tool:exe:linux-x86_64:3", content=b"#!/bin/sh\n")
    workspace.repository.put("com.example:lib:jar:linux-x86_64:2.0")
    workspace.update("com.example:tool:exe:linux-x86_64:3", "com.example:lib:jar:linux-x86_64:2.0", "com.example:lib:2.0")

    assert workspace.versions() == {"lib": "2.0", "lib:jar:linux-x86_64": "2.0", "tool:exe:linux-x86_64": "3"}


def test_a_bom_gives_versions_to_classifiers(workspace):
    """An artifact with a packaging or a classifier and without a version gets the version of the BOM."""
    workspace.repository.put("com.example:lib:jar:linux-x86_64:2.0")
    managed = "<dependency><groupId>com.example</groupId><artifactId>lib</artifactId><version>2.0</version><classifier>linux-x86_64</classifier></dependency>"
    where = Coordinates.parse("com.example:bom:pom::2")
    pom = f"""<project><modelVersion>4.0.0</modelVersion><groupId>com.example</groupId><artifactId>bom</artifactId><version>2</version>
      <packaging>pom</packaging><dependencyManagement><dependencies>{managed}</dependencies></dependencyManagement></project>"""
    workspace.repository.publish(where.path, pom.encode())

    code, _, err = workspace.update("com.example:lib:jar:linux-x86_64:", boms=["com.example:bom:2"])

    assert code == 0, err
    assert workspace.versions() == {"lib:jar:linux-x86_64": "2.0"}
    assert "lib:jar:mac has no version, and no BOM of boms has one" in workspace.update("com.example:lib:jar:mac:")[2]


def test_a_relocated_artifact_keeps_its_name(workspace):
    """An artifact of the list whose POM gives it another name is locked under both: the old one stands for the new one."""
    old = Coordinates.parse("com.example:older:pom::1.0")
    pom = """<project><modelVersion>4.0.0</modelVersion><groupId>com.example</groupId><artifactId>older</artifactId><version>1.0</version>
      <distributionManagement><relocation><artifactId>lib</artifactId><version>2.0</version></relocation></distributionManagement></project>"""
    workspace.repository.publish(old.path, pom.encode())

    code, _, err = workspace.update("com.example:older:1.0")

    assert code == 0, err
    assert workspace.versions() == {"lib": "2.0", "older": "1.0"}
    assert workspace.artifacts()["com.example:older"] == {"deps": ["com.example:lib"], "version": "1.0"}


def test_unknown_coordinates(workspace):
    """An artifact that does not exist is named with the cure, and the lock stays."""
    workspace.update("com.example:lib:1.0")
    before = workspace.lock.read_bytes()

    code, out, err = workspace.update("com.example:lib:7.0")
    assert (code, out) == (1, "")
    assert err == (
        "ERROR: com.example:lib:jar:7.0 is in none of the machine's repositories. "
        "Choose a version that exists, or add the repository that has it to ~/.m2/settings.xml.\n"
    )
    assert workspace.lock.read_bytes() == before


def test_a_published_checksum_that_differs(workspace):
    """A file that differs from the checksum beside it is refused."""
    workspace.repository.files["com/example/lib/1.0/lib-1.0.jar.sha1"] = b"0" * 40

    code, _, err = workspace.update("com.example:lib:1.0")
    assert code == 1
    assert err.startswith("ERROR: com.example:lib:jar:1.0 differs from the checksum that its repository publishes")


def test_a_file_without_a_published_checksum(workspace):
    """A file without a checksum beside it is refused, because nothing says whether it is complete."""
    del workspace.repository.files["com/example/lib/1.0/lib-1.0.jar.sha1"]

    assert workspace.update("com.example:lib:1.0")[2].startswith("ERROR: com.example:lib:jar:1.0 has no checksum in its repository")


def test_a_released_file_that_changed(workspace):
    """A file of the same version with another checksum than the lock's is an error, not an update."""
    workspace.update("com.example:lib:1.0")
    lock = json.loads(workspace.lock.read_text())
    lock["artifacts"]["com.example:lib"]["sha256"] = "0" * 64
    workspace.lock.write_text(json.dumps(lock))

    code, _, err = workspace.update("com.example:lib:1.0")
    assert code == 1
    assert "a repository replaced a released file. If that is intended, delete the artifact from the lock" in err


def test_a_repository_that_is_down(workspace):
    """A repository that does not answer is one sentence, and the lock stays."""
    workspace.repository.status = 503

    code, _, err = workspace.update("com.example:lib:1.0")
    assert code == 1
    assert err.startswith("ERROR: com.example:lib:")
    assert err.endswith("Check the network, and mirrors, servers and proxies in ~/.m2/settings.xml.\n")
    assert workspace.lock.read_bytes() == b""


def test_a_password_is_in_no_output(workspace, monkeypatch, tmp_path):
    """Maven sends the login of settings.xml; neither success nor refusal shows it."""
    workspace.repository.login = ("me", "s3cret")
    monkeypatch.setenv("HOUSE_PASSWORD", "s3cret")
    workspace.repository.home(tmp_path / "home", server="<username>me</username><password>${env.HOUSE_PASSWORD}</password>")
    assert workspace.update("com.example:lib:1.0")[0] == 0

    monkeypatch.setenv("HOUSE_PASSWORD", "wr0ng")
    code, out, err = workspace.update("com.example:lib:2.0")
    assert code == 1
    assert "401" in err
    assert "wr0ng" not in out + err


def test_an_encrypted_password(workspace, tmp_path):
    """A password that mvn encrypted opens the repository for the update command and for a fetch."""
    workspace.repository.login = ("me", "s3cret")
    workspace.repository.home(tmp_path / "home", server="<username>me</username><password>{DN+dEHcOodAH4MHrEp6vPfdkHFz79VSYknLswBO7qm8=}</password>")
    # Made with mvn --encrypt-master-password and --encrypt-password.
    master = "{c+iaWfaXW6sH4+CqDfjSYt6VXc81XrNt+LmGk2sBqVhkMwMp3qpq0VdSU1oMpYGb}"
    (tmp_path / "home/.m2/settings-security.xml").write_text(f"<settingsSecurity><master>{master}</master></settingsSecurity>")
    assert workspace.update("com.example:lib:1.0")[0] == 0

    data = workspace.repository.put("com.example:only:jar::1")
    found = fetch.fetch(Coordinates.parse("com.example:only:jar::1"), hashlib.sha256(data).hexdigest(), Store(tmp_path / "store"))
    assert found.read_bytes() == data


@pytest.mark.parametrize(
    ("artifacts", "changes", "message"),
    [
        (["a:b:1-SNAPSHOT"], {}, "@maven: a:b:1-SNAPSHOT has a version that changes from day to day"),
        (["a:b:[1,2)"], {}, "has a version that changes"),
        (["a:b:1", "a:b:2"], {}, "@maven: the list has a:b:1 and a:b:2. Keep one of them."),
        (["a:b:1"], {"boms": ["a:b"]}, '@maven: BOM "a:b" is not group:artifact:version.'),
        (["a:b:1"], {"lock": "@other//:maven.lock"}, "the lock @other//:maven.lock belongs to another repository"),
    ],
)
def test_lists_that_cannot_be_locked(workspace, artifacts, changes, message):
    """Wrong lists are refused before Maven starts."""
    code, _, err = workspace.update(*artifacts, **changes)

    assert code == 1
    assert message in err
    assert workspace.repository.requests == []


def test_an_artifact_without_version_and_without_bom(workspace):
    """An artifact whose version nobody says is named."""
    assert workspace.update("com.example:lib")[2] == "ERROR: com.example:lib has no version, and no BOM of boms has one. Write group:artifact:version.\n"


def test_a_lock_that_is_not_json(workspace):
    """A damaged lock, such as one with conflict marks, is named with the cure."""
    workspace.lock.write_text("<<<<<<< HEAD")

    assert "maven.lock: the lock is not JSON" in workspace.update("com.example:lib:1.0")[2]


def test_an_interruption_leaves_the_old_lock(tmp_path, monkeypatch):
    """A write that does not end leaves the old lock and no other file."""
    path = tmp_path / "maven.lock"
    path.write_text("old")

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(maven_lock.os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        maven_lock.write(path, {"new": 1})
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_table_groups_what_asks():
    """Several that ask for the same version are one line."""
    conflicts = [Conflict("a:b", "2", "1", by, False) for by in ("x:1", "y:1 > z:1")]

    assert update.conflict_table(conflicts).splitlines()[1] == "a:b       1          2       x:1, and 1 more"


def test_no_workspace(monkeypatch):
    """Started without Bazel, the command says how to start it."""
    monkeypatch.delenv("BUILD_WORKSPACE_DIRECTORY", raising=False)

    with pytest.raises(InputError, match="Start this with bazel run @NAME//update"):
        update.main([])


def test_no_maven(workspace, monkeypatch):
    """A machine without Maven gets the command that installs it."""
    monkeypatch.setattr("rules.java.tools.maven.installation.find", lambda environ: None)

    assert (
        workspace.update("com.example:lib:1.0")[2]
        == "ERROR: Maven is not installed, which resolves artifacts. Run ./turnup doctor, or apt-get install maven.\n"
    )


def test_no_jdk(workspace, monkeypatch, tmp_path):
    """A JAVA_HOME without a compiler is named."""
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))

    assert f"ERROR: JAVA_HOME ({tmp_path}) has no java. Run ./turnup doctor" in workspace.update("com.example:lib:1.0")[2]
