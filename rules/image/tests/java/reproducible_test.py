"""Two builds of a Java runtime and of an archive of shared classes, in two folders and by two users, give equal bytes."""

import json
import os
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from rules.image.tools.testing.tracing import needs_tracing

OTHER_USER = 65534
HERE = Path("rules/image/tests/java")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can start a build as another user")


@pytest.fixture(name="folders")
def _folders() -> Iterator[list[Path]]:
    """Two folders for the builds, and one for the JDK that every user may read, unlike the folders of tests."""
    made = [Path(tempfile.mkdtemp(dir="/tmp", prefix=prefix)) for prefix in ("turnup-one-", "turnup-another-with-a-longer-name-", "turnup-jdk-")]
    made[2].chmod(0o755)
    yield made
    for folder in made:
        shutil.rmtree(folder)


def _build(folder: Path, user: int, umask: int, zone: str, home: Path) -> dict[str, bytes]:
    """Makes a runtime and an archive of a jar's classes, and returns every file that was made."""
    # The links of this test's runfiles lead to where only this user may go.
    shutil.copytree(Path("../turnup"), folder / "runfiles/turnup", ignore=shutil.ignore_patterns("jdk.home"))
    for repository in Path("..").iterdir():
        if repository.name.startswith("turnup_pip"):
            shutil.copytree(repository, folder / "runfiles" / repository.name)
    temporary = folder / "tmp"
    temporary.mkdir()
    jar = folder / "app.jar"
    shutil.copyfile(HERE / "libgreeting.jar", jar)
    with zipfile.ZipFile(jar) as opened:
        assert "app/Greeting.class" in opened.namelist()
    (folder / "modules").write_text("java.base\njava.logging\n")
    (folder / "list").write_text("app/Greeting\njava/util/TreeMap\n")
    (folder / "app.jvm").write_text("".join(json.dumps(word) + "\n" for word in ("-cp", "/app/app.jar", "app.Greeting")))
    for path in [folder, *folder.rglob("*")]:
        os.chown(path, user, user, follow_symlinks=False)
    tool = folder / "runfiles/turnup/rules/image/tools/java/java_tool"
    calls = [
        ["--where=//a:b", f"--jdk={home}", "--modules=modules", "--output=jre", "--verb=runtime"],
        ["--where=//a:b", "--runtime=jre", "--arguments=app.jvm", "--class-list=list", "--output=jsa", "--jar", "app/app.jar", "app.jar", "--verb=share"],
    ]
    environment = {"PATH": "/usr/bin:/bin", "TZ": zone, "HOME": str(folder), "TMPDIR": str(temporary), "RUNFILES_DIR": str(folder / "runfiles")}
    for call in calls:
        done = subprocess.run(
            [tool, *call], cwd=folder, env=environment, user=user, group=user, extra_groups=[], umask=umask, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    assert list(temporary.iterdir()) == []
    made = [folder / "jsa", *(path for path in (folder / "jre").rglob("*") if path.is_file())]
    return {str(path.relative_to(folder)): path.read_bytes() for path in made}


@needs_root
@needs_tracing
def test_two_users_in_two_folders_get_the_same_bytes(folders) -> None:
    """Every file of the runtime and the archive are equal, byte for byte, and the temporary folders are empty afterwards."""
    home = folders[2] / "jdk"
    shutil.copytree(Path("rules/image/jdk.home").resolve(), home)
    one = _build(folders[0], os.geteuid(), 0o022, "UTC", home)
    another = _build(folders[1], OTHER_USER, 0o077, "Asia/Kolkata", home)
    assert sorted(one) == sorted(another)
    assert [name for name in one if one[name] != another[name]] == []
    assert len(one["jsa"]) > 1 << 20
