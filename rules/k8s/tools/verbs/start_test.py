"""Tests of a verb as a process: signals from its first moment on, standard streams that do not accept output, and kubectl's flags."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from rules.k8s.testing.fixtures import fixture_server, fixture_shell  # noqa: F401 (pytest finds them by name)
from rules.k8s.testing.plans import config_map
from rules.k8s.tools.verbs import start


def begin(shell, *words: str, redirect: str = "", path: str = "", **settings) -> subprocess.Popen[str]:
    """Starts a verb as a launcher does, with a shell that redirects its streams."""
    search = os.pathsep.join(([path] if path else []) + sys.path)
    return subprocess.Popen(
        ["sh", "-c", f'exec "$@" {redirect}', "sh", sys.executable, start.__file__, shell.plan, *words],
        text=True,
        env={**shell.environ, "PYTHONPATH": search},
        stdin=subprocess.DEVNULL,
        **settings,
    )


def run(shell, *words: str, redirect: str) -> tuple[int, str, str]:
    """Runs a verb; returns its exit code and what stdout and stderr received."""
    process = begin(shell, *words, redirect=redirect, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = process.communicate(timeout=60)
    assert "Traceback" not in out + err and "Exception" not in out + err
    return process.returncode, out, err


@pytest.mark.parametrize("redirect", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_do_not_fail_a_run(shell, server, redirect):
    """With closed streams the output is lost, and the verb still does its work."""
    shell.make(config_map("a"))

    assert run(shell, "diff", redirect=redirect)[0] == 1
    assert run(shell, "apply", redirect=redirect)[0] == 0 and server.get(config_map("a"))
    assert run(shell, "diff", redirect=redirect)[0] == 0
    assert run(shell, "show", redirect=redirect)[0] == run(shell, "graph", redirect=redirect)[0] == 0


@pytest.mark.parametrize("output", ["plain", "json"])
def test_a_full_disk_behind_the_output(shell, server, output):
    """An apply finishes and reports that its output is incomplete; a verb that only prints ends early."""
    shell.make(config_map("a"))

    code, _, err = run(shell, "diff", f"--output={output}", redirect=">/dev/full")
    assert (code, err.splitlines()[-1]) == (2, "ERROR: the output: No space left on device; correct it and run again.")
    redirect = ">/dev/full" if output == "json" else "2>/dev/full"
    code, _, err = run(shell, "apply", f"--output={output}", redirect=redirect)
    assert code == 1 and server.get(config_map("a"))
    assert output == "plain" or err == "ERROR: not all of the output could be written (No space left on device); the run itself finished.\n"
    for verb in ("show", "status", "describe", "graph"):
        assert run(shell, verb, f"--output={output}", redirect=">/dev/full 2>/dev/full")[0] == 1


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_while_modules_are_loaded(shell, tmp_path, number, code):
    """A signal while modules are loading prints the same sentence as at any other moment."""
    (tmp_path / "early").mkdir()
    (tmp_path / "early/argparse.py").write_text("import time\nprint('loading', flush=True)\nwhile True:\n    time.sleep(0.05)\n")
    shell.make(config_map("a"))
    process = begin(shell, "status", path=str(tmp_path / "early"), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout and process.stdout.readline() == "loading\n"
    process.send_signal(number)

    assert process.communicate(timeout=10) == ("", "ERROR: interrupted; run the same command again to continue.\n")
    assert process.returncode == code


def test_a_signal_that_is_ignored_stays_so(shell):
    """Under nohup, closing the terminal does not end the run."""
    shell.make(config_map("a"))
    process = begin(shell, "show", stdout=subprocess.PIPE, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    process.send_signal(signal.SIGHUP)

    assert "kind: ConfigMap" in process.communicate(timeout=60)[0]
    assert process.returncode == 0


def test_flags_of_kubectl_without_effect(shell):
    """The actions of rules_k8s take kubectl's flags that change nothing here, and say so."""
    shell.make(config_map("a"))

    assert shell.run("apply", "--v=2", "--wait=5s", "--validate=false", "-v", "3", "-v=6") == 0, shell.err
    assert "flags of kubectl without effect here: --v=2, --validate=false, -v 3, -v=6" in shell.err.splitlines()
