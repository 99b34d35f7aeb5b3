"""The launcher `turnup`: it finds Python, makes its venv once, and hands over from wherever it is called.

The real script runs in a workspace of its own with an empty lock file, so that no package index is asked.
"""

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHOW = """import json, os, signal, site, sys
site.main()
print(json.dumps({"argv": sys.argv[1:], "cwd": os.getcwd(), "user": os.environ.get("USER"),
                  "home": os.environ.get("HOME"), "prefix": sys.prefix,
                  "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, []))}))
"""


@pytest.fixture
def workspace(tmp_path):
    """A workspace with the real launcher, and a command that prints its arguments and environment."""
    root = tmp_path / "workspace"
    (root / "cli").mkdir(parents=True)
    shutil.copy(ROOT / "turnup", root / "turnup")
    (root / "rules" / "common").mkdir(parents=True)
    shutil.copy(ROOT / "rules" / "common" / "cache_trust.py", root / "rules" / "common")
    (root / "cli" / "requirements.lock").write_text("# nothing\n")
    (root / "cli" / "__main__.py").write_text(SHOW)
    return root


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A cache that tests share if they don't test the creation of the virtual environment; the first of them creates it."""
    return tmp_path_factory.mktemp("cache")


def launch(program, *words, cache=None, drop=(), cwd=None, **env):
    """Runs the launcher without a terminal, and returns the finished process."""
    variables = {**os.environ, "CI": "true", **env}
    if cache:
        variables["XDG_CACHE_HOME"] = str(cache)
    for name in drop:
        variables.pop(name, None)
    return subprocess.run([str(program), *words], env=variables, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False)


def shown(done):
    """Returns what SHOW printed."""
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def venvs(cache):
    """Returns the virtual environments in a cache, complete ones and leftovers."""
    return sorted(path.name for path in (cache / "turnup" / "venv").iterdir() if path.is_dir())


def test_makes_its_venv_once(workspace, tmp_path):
    """The first run creates the virtual environment and says so; the second uses it silently. Arguments are passed on unchanged."""
    first = launch(workspace / "turnup", "a b", "", "--", "c", cache=tmp_path / "cache")
    second = launch(workspace / "turnup", cache=tmp_path / "cache")

    assert shown(first)["argv"] == ["a b", "", "--", "c"]
    assert "first run" in first.stderr
    assert second.stderr == ""
    assert shown(first)["prefix"] == shown(second)["prefix"]
    assert venvs(tmp_path / "cache") == [Path(shown(first)["prefix"]).name]


def test_signals_wait_for_the_program(workspace, made):
    """Signals are blocked while Python starts, when they would end it with a traceback; cli/__main__.py unblocks them."""
    assert shown(launch(workspace / "turnup", cache=made))["blocked"] == sorted([signal.SIGHUP, signal.SIGINT, signal.SIGTERM])


def test_interrupt_in_the_launcher(workspace, tmp_path):
    """SIGINT that reaches only the launcher, while its child runs, ends it with 130 and one sentence."""
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "python3").write_text(f"#!/bin/sh\ntouch {tmp_path}/ready\nsleep 0.5\nexit 1\n")
    (tools / "python3").chmod(0o755)
    env = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "XDG_CACHE_HOME": str(tmp_path / "cache")}
    child = subprocess.Popen([str(workspace / "turnup")], env=env, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 30
    while not (tmp_path / "ready").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    child.send_signal(signal.SIGINT)

    assert (child.communicate(timeout=30)[1], child.returncode) == ("ERROR: stopped by SIGINT; run the same command again\n", 130)


def test_from_any_folder_and_by_symlink(workspace, tmp_path, made):
    """The working folder stays the caller's, and a symbolic link on PATH finds the workspace."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "turnup").symlink_to(workspace / "turnup")
    done = launch("./turnup", "x", cache=made, cwd=elsewhere)

    assert shown(done)["cwd"] == str(elsewhere)


def test_user_and_home_unset(workspace, made):
    """Without the variables, the account database provides user and home folder."""
    told = shown(launch(workspace / "turnup", cache=made, drop=("USER", "HOME")))

    assert told["user"] == subprocess.check_output(["id", "-un"], text=True).strip()
    assert told["home"] == os.path.expanduser(f"~{told['user']}")


def test_relative_cache_folder(workspace, tmp_path, made):
    """A relative XDG_CACHE_HOME is ignored, so that the cache does not depend on the working folder."""
    (tmp_path / ".cache").symlink_to(made)
    done = launch(workspace / "turnup", cache="cache", cwd=tmp_path, HOME=str(tmp_path))

    assert Path(shown(done)["prefix"]).is_relative_to(tmp_path / ".cache")
    assert not (tmp_path / "cache").exists()


def test_interrupted_installation_is_replaced(workspace, tmp_path):
    """What a killed run left behind is replaced and not used."""
    cache = tmp_path / "cache"
    prefix = Path(shown(launch(workspace / "turnup", cache=cache))["prefix"])
    shutil.rmtree(prefix)
    leftover = prefix.with_name(prefix.name + ".new")
    leftover.mkdir()
    (leftover / "half").touch()
    again = Path(shown(launch(workspace / "turnup", cache=cache))["prefix"])

    assert again == prefix
    assert not leftover.exists() and not (prefix / "half").exists()


def test_killed_anywhere_then_run_again(workspace, tmp_path):
    """After a first run that was killed at any moment, the next one succeeds."""
    cache = tmp_path / "cache"
    for pause in (0.05, 0.3, 1.0):
        env = {**os.environ, "XDG_CACHE_HOME": str(cache)}
        child = subprocess.Popen([str(workspace / "turnup")], env=env, start_new_session=True, stderr=subprocess.DEVNULL)
        time.sleep(pause)
        os.killpg(child.pid, 9)
        child.wait()

    assert shown(launch(workspace / "turnup", cache=cache))["argv"] == []


def test_two_at_once(workspace, tmp_path):
    """Two first runs at the same time both succeed, and one of them creates the virtual environment."""
    env = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    children = [subprocess.Popen([str(workspace / "turnup")], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    ended = [(child.communicate(timeout=120), child.returncode) for child in children]

    assert [code for _, code in ended] == [0, 0], ended
    assert len(venvs(tmp_path / "cache")) == 1


def test_python_too_old(workspace, tmp_path):
    """If every Python on PATH is too old, one sentence says what is needed."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("bash", "dirname", "readlink", "id", "env"):
        (tools / name).symlink_to(shutil.which(name))
    for name in ("python3", "python3.11", "python3.12", "python3.13", "python3.14"):
        (tools / name).write_text("#!/bin/sh\nexit 1\n")
        (tools / name).chmod(0o755)
    # The script's last resort is Debian's own interpreter, by its full path: hide it from this copy.
    script = workspace / "turnup"
    script.write_text(script.read_text().replace(" /usr/bin/python3;", ";"))
    done = launch(script, cache=tmp_path / "cache", PATH=str(tools))

    assert done.returncode == 1
    assert done.stderr.startswith("ERROR: turnup needs Python 3.11 or newer") and done.stderr.count("\n") == 1


def test_package_index_unreachable(workspace, tmp_path):
    """If pip fails, its reason is in one sentence, and no incomplete environment is left in place."""
    (workspace / "cli" / "requirements.lock").write_text(f"click==8.5.1 --hash=sha256:{'0' * 64}\n")
    done = launch(workspace / "turnup", cache=tmp_path / "cache", PIP_NO_INDEX="1", PIP_FIND_LINKS="")

    assert done.returncode == 1
    assert "ERROR: pip could not install cli/requirements.lock (is the package index reachable?): ERROR: " in done.stderr
    assert "Traceback" not in done.stderr
    assert [name for name in venvs(tmp_path / "cache") if not name.endswith(".new")] == []


def test_cache_that_cannot_be_written(workspace, tmp_path):
    """The error for a cache path that is not a folder names it."""
    (tmp_path / "file").touch()
    done = launch(workspace / "turnup", cache=tmp_path / "file")

    assert done.returncode == 1
    assert f"ERROR: cannot write to {tmp_path / 'file'}/turnup" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give folders to another user")
@pytest.mark.parametrize("given", ["turnup", "turnup/venv", "venv", "python", "."])
def test_a_cache_of_another_user_is_refused(workspace, tmp_path, made, given):
    """Root runs no program of a cache that another user owns in part, and the error says who owns what and what to do."""
    cache = tmp_path / "cache"
    assert launch(workspace / "turnup", cache=made).returncode == 0
    shutil.copytree(made, cache, symlinks=True)
    (name,) = venvs(cache)
    program = cache / "turnup" / "venv" / name / "bin" / "python"
    program.unlink()
    program.write_text("#!/bin/sh\necho ran as $(id -un)\n")
    program.chmod(0o755)
    path = {"python": program, "venv": program.parent.parent, ".": cache}.get(given, cache / given)
    shutil.chown(path, "nobody")

    done = launch(workspace / "turnup", "doctor", cache=cache)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("ERROR: ") and len(done.stderr.splitlines()) == 1
    assert f"{path} belongs to nobody (uid " in done.stderr and "set XDG_CACHE_HOME to a folder of your own, or use sudo -H" in done.stderr
