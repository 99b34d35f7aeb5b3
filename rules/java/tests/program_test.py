"""Tests of a java_binary's launcher and deploy jar."""

import os
import subprocess
import zipfile
from pathlib import Path

PROGRAM = Path(os.environ["RUNFILES_DIR"], os.environ["TEST_WORKSPACE"], "rules/java/tests/program")


def _run(*arguments, **options):
    environment = {"PATH": os.environ["PATH"]}
    return subprocess.run([*arguments], env=environment, capture_output=True, text=True, timeout=120, check=False, **options)


def test_the_program_runs_from_any_folder(tmp_path):
    """The launcher finds its jars from another folder and through a link, and passes arguments and flags as they are."""
    (tmp_path / "link").symlink_to(PROGRAM.resolve())

    for program in (PROGRAM.resolve(), tmp_path / "link"):
        done = _run(program, "a b", "$x", cwd=tmp_path)

        assert (done.stdout, done.stderr) == ('a b|$x it\'s "$HOME" a resource\n', "")


def test_stack_traces_have_source_lines():
    """A stack trace names the file and the line."""
    done = _run(PROGRAM.resolve())

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
