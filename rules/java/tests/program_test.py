"""Tests of a java_binary's launcher and deploy jar."""

import os
import shutil
import subprocess
import zipfile
from pathlib import Path

RUNFILES = Path(os.environ["RUNFILES_DIR"])
PROGRAM = RUNFILES / os.environ["TEST_WORKSPACE"] / "rules/java/tests/program"


def _run(*arguments, **options):
    environment = {"PATH": os.environ["PATH"]}
    return subprocess.run([*arguments], env=environment, capture_output=True, text=True, timeout=120, check=False, **options)


def _installed(folder: Path, program: Path = PROGRAM) -> Path:
    """Returns a program as it stands in bazel-bin, with its runfiles beside it; those of Bazel may not be complete yet."""
    shutil.copy(program, folder)
    (folder / f"{program.name}.runfiles").symlink_to(RUNFILES)
    return folder / program.name


def test_the_program_runs_from_any_folder(tmp_path):
    """The launcher finds its jars from another folder and through a link, and passes arguments and flags as they are."""
    built = tmp_path / "built"
    built.mkdir()
    (tmp_path / "link").symlink_to(_installed(built))

    for program in (built / "program", tmp_path / "link"):
        done = _run(program, "a b", "$x", cwd=tmp_path)

        assert (done.stdout, done.stderr) == ('a b|$x it\'s "$HOME" a resource\n', "")


def test_a_nested_main_class_starts_in_every_locale(tmp_path):
    """A main class with a dollar sign and letters beyond ASCII starts, also without a locale, as in Bazel's tests."""
    done = _run(_installed(tmp_path, PROGRAM.with_name("nested$program")), "ä")

    assert (done.stdout, done.stderr) == ("nested ä\n", "")


def test_stack_traces_have_source_lines(tmp_path):
    """A stack trace names the file and the line."""
    done = _run(_installed(tmp_path))

    assert done.returncode == 1
    assert "\tat rules.java.tests.Program.main(Program.java:12)" in done.stderr


def test_the_deploy_jar_runs_alone(tmp_path):
    """`java -jar` starts the deploy jar, whose entries have one time stamp."""
    jar = PROGRAM.with_name("program_deploy.jar")

    done = _run(jdk_java(), "-jar", jar, "x", cwd=tmp_path)

    assert done.stdout == "x null a resource\n"
    assert {entry.date_time for entry in zipfile.ZipFile(jar).infolist()} == {(2010, 1, 1, 0, 0, 0)}


def jdk_java() -> str:
    """Returns the java that the launcher starts."""
    line = next(line for line in PROGRAM.read_text().splitlines() if line.startswith("exec "))
    return line.partition("JAVABIN:-")[2].partition("}")[0]
