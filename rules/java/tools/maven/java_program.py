"""Runs the Java programs of this folder, which use the machine's Maven as a library. They are compiled once and kept in the cache."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from rules.common.caches import cache_dir, home_dir
from rules.java.tools.maven import installation as maven_installation
from rules.java.tools.maven.errors import InputError, MavenError
from rules.java.tools.maven.settings import user_settings

_SOURCES = ("Decrypt.java", "MavenSession.java", "Resolve.java", "VersionPolicy.java")
_PROGRESS = "progress\t"


def run(main_class: str, text: str, environ: Mapping[str, str], progress: Callable[[str], None]) -> list[str]:
    """Runs a program.

    Args:
        main_class: its class.
        text: what it reads. It never gets arguments that other users of the machine may not see.
        environ: the environment variables.
        progress: called with each step that the program reports.

    Returns:
        the lines that it printed.

    Raises:
        InputError: the machine lacks Maven or a JDK.
        MavenError: the program failed.
    """
    home = maven_installation.find(environ)
    if home is None:
        raise InputError("Maven is not installed, which resolves artifacts. Run ./turnup doctor, or apt-get install maven.")
    class_path = f"{home}/lib/*:{home}/boot/*"
    java, javac = _jdk("java", environ), _jdk("javac", environ)
    classes = _compiled(javac, class_path, home, environ)
    options = [*shlex.split(environ.get("MAVEN_OPTS", "")), f"-Duser.home={home_dir(environ)}", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
    command = [java, *options, "-cp", f"{classes}:{class_path}", main_class, str(home), str(user_settings(environ))]
    lines: list[str] = []
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as problems,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=problems, text=True, encoding="utf-8", env=environ) as process,
    ):
        try:
            lines += _talk(process, text, progress)
        except BaseException:
            process.kill()
            raise
        if process.wait():
            problems.seek(0)
            raise MavenError(_failure(problems.read(), home))
    return lines


def _talk(process: subprocess.Popen[str], text: str, progress: Callable[[str], None]) -> Iterator[str]:
    """Sends a text to a program and yields what it prints, without the steps that it reports."""
    if process.stdin is None or process.stdout is None:
        raise ValueError("the program has no pipes")
    # It may end before it has read everything; its exit code then says that it failed.
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(text)
        process.stdin.close()
    for line in process.stdout:
        if line.startswith(_PROGRESS):
            progress(line.removeprefix(_PROGRESS).strip())
        else:
            yield line.rstrip("\n")


def _jdk(program: str, environ: Mapping[str, str]) -> str:
    home = environ.get("JAVA_HOME", "")
    found = shutil.which(program, path=f"{home}/bin" if home else environ.get("PATH", os.defpath))
    if not found:
        where = f"JAVA_HOME ({home}) has no {program}" if home else f"{program} is not on PATH"
        raise InputError(f"{where}. Run ./turnup doctor, or apt-get install default-jdk-headless.")
    return os.path.realpath(found)


def _compiled(javac: str, class_path: str, home: Path, environ: Mapping[str, str]) -> Path:
    """Returns the folder of the classes, compiled for this Maven and this JDK."""
    sources = [Path(__file__).parent / name for name in _SOURCES]
    digest = hashlib.sha256(f"{javac} {os.stat(javac).st_mtime_ns} {class_path}".encode())
    for jar in sorted(Path(home, "lib").glob("maven-core*.jar")):
        digest.update(f"{jar.resolve()} {jar.stat().st_mtime_ns}".encode())
    for source in sources:
        digest.update(source.read_bytes())
    folder = cache_dir(environ) / "maven" / "classes" / digest.hexdigest()[:32]
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".new-") as temporary:
        made = Path(temporary, "classes")
        command = [javac, "-proc:none", "-nowarn", "-Xlint:none", "-d", str(made), "-cp", class_path, *map(str, sources)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environ)
        if done.returncode:
            raise MavenError(_failure(done.stderr, home))
        try:
            made.rename(folder)
        except OSError:
            if not folder.is_dir():  # Otherwise another process was faster.
                raise
    return folder


def _failure(output: str, home: Path) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip() and not line.startswith(("\t", "WARNING"))] or ["no message"]
    return f"Maven in {home} could not be used as a resolver ({lines[0]}). It must be Maven 3.6 to 3.9, with a JDK of 11 or newer; ./turnup doctor shows both."
