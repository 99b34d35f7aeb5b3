"""Tests with unavailable servers: every run ends before its deadline, names the host and says what to do."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import time

import pytest

from rules.k8s.testing.plans import REGISTRY, config_map, document
from tests.apply.stacks import IMAGE, admin

DEADLINE_S = 30
"""Until a run must have said what does not answer."""


@contextlib.contextmanager
def address(kind: str):
    """Returns a loopback address that refuses connections (`refused`), or that accepts them and never responds (`silent`)."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        where = f"127.0.0.1:{listener.getsockname()[1]}"
        if kind == "silent":
            yield where
            return
    yield where


def said(process: subprocess.Popen[str]) -> str:
    """Returns the output of a run that must fail by itself and in time."""
    try:
        text = process.communicate(timeout=DEADLINE_S)[0]
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 1, text
    assert "Traceback" not in text
    return text


@pytest.mark.parametrize(("verb", "kind"), [("apply", "silent"), ("delete", "refused"), ("status", "silent")])
def test_no_api_server(shell, server, verb, kind):
    """The error for an unavailable API server names it and says what to do."""
    shell.make(config_map("a", "dev"))
    with address(kind) as where:
        config = json.loads(server.kubeconfig.read_text())
        config["clusters"][0]["cluster"]["server"] = f"https://{where}"
        shell.use(config)
        text = said(shell.start(verb, stdout=subprocess.PIPE))

    assert text.splitlines()[-1].startswith(f"ERROR: the API server https://{where} of context 'turnup-test' does not answer")


@pytest.mark.parametrize("interrupted", [False, True])
def test_a_name_that_nobody_resolves(shell, server, interrupted):
    """If DNS does not respond, the run ends before its deadline with the server's name, and at once if it is interrupted."""
    shell.make(config_map("a", "dev"))
    config = json.loads(server.kubeconfig.read_text())
    config["clusters"][0]["cluster"]["server"] = "https://api.example.com:6443"
    shell.use(config)
    silent = "import socket, time\nsocket.getaddrinfo = lambda *_, **__: [print('asked', flush=True), time.sleep(60)]"
    process = shell.start("apply", stdout=subprocess.PIPE, program=silent)
    if not interrupted:
        assert (
            said(process)
            .splitlines()[-1]
            .startswith("ERROR: the API server https://api.example.com:6443 of context 'turnup-test' does not answer (no answer from DNS); ")
        )
        return
    assert process.stdout and process.stdout.readline() == "asked\n"
    process.send_signal(signal.SIGINT)
    try:
        text = process.communicate(timeout=2)[0]
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, "Traceback" in text) == (130, False), text


def test_no_registry(shell, server, home):
    """The error for a registry that accepts connections and never responds names it, and nothing is written."""
    with address("silent") as where:
        shell.make_targets(
            document("//svc:dev", [config_map("a", home)], namespace=home, references={"app": f"{where}/app@{IMAGE.partition('@')[2]}{'a' * 64}"})
        )
        plan = shell.folder / "runfiles" / shell.plan
        plan.write_text(plan.read_text().replace(REGISTRY, where))
        writes = server.changes()
        text = said(shell.start("apply", stdout=subprocess.PIPE))

    assert where in text.splitlines()[-1] and text.splitlines()[-1].startswith("ERROR: ")
    assert server.changes() == writes


def test_a_server_that_falls_silent(shell, server, home):
    """The error for an API server that stops responding during an apply names it; the next apply completes the work."""
    shell.make_targets(document("//svc:dev", [config_map(f"c{index}", home, key="1") for index in range(300)], namespace=home))
    client = admin(server)
    process = shell.start("apply", stdout=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while not any(event["verb"] == "patch" and event["objectRef"]["name"] == "c0" for event in server.audit()):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    with server.frozen():
        try:
            text = process.communicate(timeout=2 * DEADLINE_S)[0]
        finally:
            process.kill()
            process.wait()
    assert process.returncode == 1, text
    assert f"the API server {server.url} of context 'turnup-test' does not answer" in text.splitlines()[-1]

    assert shell.run("apply") == 0, shell.err
    assert len(client.request("GET", f"/api/v1/namespaces/{home}/configmaps", query={"labelSelector": "applyset.kubernetes.io/part-of"})[1]["items"]) == 300


def test_interrupted_while_nothing_answers(shell, server, home):
    """SIGINT ends a run at once, even if it waits for a server that does not respond."""
    shell.make_targets(document("//svc:dev", [config_map("a", home)], namespace=home))
    process = shell.start("apply", stdout=subprocess.PIPE, program="print('started', flush=True)")
    with server.frozen():
        assert process.stdout and process.stdout.readline() == "started\n"
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        try:
            text = process.communicate(timeout=2)[0]
        finally:
            process.kill()
            process.wait()

    assert process.returncode == 130, text
    assert "Traceback" not in text
