"""Tests of exec credential plugins: their start, their answers, and when they run again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from rules.k8s.testing.fake_server import FakeServer
from rules.k8s.testing.plans import config_map, namespace
from rules.k8s.testing.shell import Shell
from rules.k8s.tools.api.client import Client
from rules.k8s.tools.errors import TurnupError
from rules.k8s.tools.kubeconfig import exec_plugin
from rules.k8s.tools.kubeconfig.kubeconfig import Connection, load

V1 = "client.authentication.k8s.io/v1"


def answer(version: str = V1, **status: str) -> str:
    """Returns the shell line of a plugin that returns these credentials."""
    return f"echo '{json.dumps({'apiVersion': version, 'kind': 'ExecCredential', 'status': status})}'"


@pytest.fixture(name="plugin")
def fixture_plugin(tmp_path):
    """Writes a plugin with this body; returns its user entry, with further fields."""

    def plugin(body: str, **fields: Any) -> dict[str, Any]:
        path = tmp_path / "plugin"
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o700)
        return {"exec": {"apiVersion": V1, "command": str(path), "interactiveMode": "Never", **fields}}

    return plugin


class Connect:
    """Reads kubeconfigs with only one user.

    Args:
        path: where the kubeconfig is written.

    Attributes:
        environ: variables that are added to the environment.
        said: the notes so far.
    """

    def __init__(self, path: Path):
        self._path = path
        self.environ: dict[str, str] = {}
        self.said: list[str] = []

    def __call__(self, user: dict[str, Any], **cluster: Any) -> Connection:
        """Reads a kubeconfig with this user, and with these fields of the cluster."""
        self._path.write_text(
            json.dumps(
                {
                    "contexts": [{"name": "ctx", "context": {"cluster": "c", "user": "u"}}],
                    "users": [{"name": "u", "user": user}],
                    "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:6443", **cluster}}],
                }
            )
        )
        return load(self._path, "ctx", environ=os.environ | self.environ, say=self.said.append)


@pytest.fixture(name="connect")
def fixture_connect(tmp_path):
    """Returns a function that reads a kubeconfig with only one user."""
    return Connect(tmp_path / "config")


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_both_versions(plugin, connect, tmp_path, version):
    """Both versions of the protocol return a token or a certificate; the plugin gets its arguments, environment and request."""
    api = f"client.authentication.k8s.io/{version}"
    user = plugin(
        f'echo "$1 $CLOUD $KUBERNETES_EXEC_INFO" > {tmp_path}/seen; {answer(api, token="t")}',
        apiVersion=api,
        args=["get-token"],
        env=[{"name": "CLOUD", "value": "west"}],
    )
    assert connect(user).plugin.credentials().token == "t"
    seen = (tmp_path / "seen").read_text().removeprefix("get-token west ")
    assert json.loads(seen) == {"apiVersion": api, "kind": "ExecCredential", "spec": {"interactive": False}}

    got = connect(plugin(answer(api, clientCertificateData="CERT", clientKeyData="KEY"), apiVersion=api)).plugin.credentials()
    assert (got.token, got.certificate, got.key) == ("", b"CERT", b"KEY")
    assert "KEY" not in repr(got)


def test_plugin_gets_the_cluster_if_it_asks_for_it(plugin, connect, tmp_path):
    """With provideClusterInfo, the plugin gets the server, the authority and the cluster's settings for plugins."""
    user = plugin(f'echo "$KUBERNETES_EXEC_INFO" > {tmp_path}/seen; {answer(token="t")}', provideClusterInfo=True)
    (tmp_path / "ca.crt").write_text("CA")
    connect(
        user,
        **{
            "certificate-authority": "ca.crt",
            "tls-server-name": "name",
            "extensions": [{"name": "client.authentication.k8s.io/exec", "extension": {"audience": "a"}}],
        },
    ).plugin.credentials()

    assert json.loads((tmp_path / "seen").read_text())["spec"]["cluster"] == {
        "server": "https://127.0.0.1:6443",
        "tls-server-name": "name",
        "certificate-authority-data": "Q0E=",
        "config": {"audience": "a"},
    }


def test_relative_command_is_beside_the_kubeconfig(plugin, connect, tmp_path, monkeypatch):
    """A command with a slash is relative to the kubeconfig's folder, also in the frozen kubeconfig; it runs in the user's folder."""
    (tmp_path / "here").mkdir()
    connect.environ = {"BUILD_WORKING_DIRECTORY": str(tmp_path / "here")}
    connection = connect(plugin(f"pwd > {tmp_path}/seen; {answer(token='t')}", command="./plugin"))

    assert connection.plugin.credentials().token == "t"
    assert connection.frozen["users"][0]["user"]["exec"]["command"] == str(tmp_path / "plugin")
    assert (tmp_path / "seen").read_text() == f"{tmp_path}/here\n"


def test_plugin_is_asked_once_and_when_its_answer_has_expired(plugin, connect, tmp_path):
    """Credentials are kept until they expire, and the plugin is not started before the first request needs them."""
    connection = connect(plugin(f"echo x >> {tmp_path}/runs; {answer(token='t', expirationTimestamp='2100-01-01T00:00:00Z')}"))
    assert not (tmp_path / "runs").exists()
    for _ in range(3):
        connection.plugin.credentials()
    assert (tmp_path / "runs").read_text() == "x\n"

    connection = connect(plugin(f"echo x >> {tmp_path}/late; {answer(token='t', expirationTimestamp='2020-01-01T00:00:00.123456789Z')}"))
    for _ in range(3):
        connection.plugin.credentials()
    assert (tmp_path / "late").read_text() == "x\n" * 3


def test_a_token_that_cannot_be_sent_is_not_shown(plugin, connect):
    """White space around a plugin's token is removed; a token that contains a line break is refused without being shown."""
    assert connect(plugin(answer(token=" t "))).plugin.credentials().token == "t"
    with pytest.raises(TurnupError, match="of context .ctx. has control characters, line breaks or letters beyond ASCII in the token") as caught:
        connect(plugin(answer(token="CANARY\u00fc"))).plugin.credentials()

    assert "CANARY" not in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "body", "reason"),
    [
        ({"command": "no-such-plugin"}, "", "the plugin 'no-such-plugin' cannot be started: No such file or directory); install it"),
        ({"command": "no-such-plugin", "installHint": "Get it\nfrom example.com."}, "", "No such file or directory); Get it from example.com."),
        ({}, "echo 'session expired' >&2; exit 7", "failed with exit code 7: session expired); log in with your provider's tool."),
        ({}, "exit 1", "failed with exit code 1: no output)"),
        ({}, "true", f"returned no ExecCredential of {V1}: nothing)"),
        ({}, "echo hello", "something that is not JSON)"),
        ({}, "echo '{}'", "no kind)"),
        ({}, "echo '[]'", "fields of wrong types)"),
        ({}, "head -c 200000 /dev/zero | tr '\\000' '['", "nested too deeply)"),
        ({}, "yes", "printed more than 1048576 bytes)"),
        ({}, "printf 'no \\033]0;title\\007way' >&2; exit 7", "exit code 7: no way)"),
        ({}, answer("client.authentication.k8s.io/v1beta1", token="t"), "kind 'ExecCredential' of 'client.authentication.k8s.io/v1beta1')"),
        ({}, answer(), "neither a token nor a certificate with its key)"),
        ({}, answer(clientCertificateData="CERT"), "neither a token nor a certificate with its key)"),
        ({}, answer(token="t", expirationTimestamp="soon"), "Invalid isoformat string: 'soon')"),
        ({"interactiveMode": "Always"}, "", "needs a terminal for its questions, but stdin is not a terminal); run the command in a terminal."),
    ],
)
def test_failures_are_one_sentence(plugin, connect, monkeypatch, capfd, fields, body, reason):
    """The error for a missing, failing or wrong plugin has the reason, the end of its stderr and its install hint."""
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(TurnupError, match=r"config: logging in with context 'ctx' failed \(the plugin '") as caught:
        connect(plugin(body, **fields)).plugin.credentials()

    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"apiVersion": None}, "has exec.apiVersion None. Write one of client.authentication.k8s.io/v1 and client.authentication.k8s.io/v1beta1"),
        ({"command": ""}, "has exec.command ''. Name the plugin's program."),
        ({"env": [{"value": "x"}]}, "has an exec.env of a wrong form. Write a list of mappings with name and value."),
    ],
)
def test_wrong_kubeconfigs_are_one_sentence(plugin, connect, fields, reason):
    """An invalid exec entry is refused before anything is started."""
    with pytest.raises(TurnupError, match="config: the login of context 'ctx'") as caught:
        connect(plugin("", **fields))

    assert reason in str(caught.value)


def test_silent_plugin_is_named_and_ends(plugin, connect, tmp_path, monkeypatch):
    """A plugin that hangs is reported, and ends at its deadline with all its children; the error names it."""
    monkeypatch.setattr(exec_plugin, "_NOTE_SECONDS", 0.2)
    monkeypatch.setattr(exec_plugin, "_DEADLINE_SECONDS", 0.8)
    connection = connect(plugin(f"sleep 100 & echo $! > {tmp_path}/child; wait"))
    with pytest.raises(TurnupError, match="the plugin '.*plugin' has not answered for 1 s.; log in with"):
        connection.plugin.credentials()

    assert len(connect.said) == 1 and "waiting for the login plugin" in connect.said[0]
    assert is_gone(int((tmp_path / "child").read_text()))


def test_what_a_plugin_leaves_running_is_not_waited_for(plugin, connect):
    """A plugin that has answered and ended is done, even if a process that it left behind keeps its pipes open."""
    started = time.monotonic()

    assert connect(plugin(f"sleep 5 & {answer(token='t')}")).plugin.credentials().token == "t"
    assert time.monotonic() - started < 4


def is_gone(process: int) -> bool:
    """Returns whether a process ends soon; a zombie counts as ended."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.02)
    return False


@pytest.fixture(name="server")
def fixture_server():
    """A fake API server that accepts only the token `good`."""
    with FakeServer() as server:
        server.put(namespace("dev"))
        server.refuse = lambda request: None if ("Authorization", "Bearer good") in request.headers else (401, {"message": "Unauthorized"})
        yield server


def test_refused_credentials_are_renewed_once(plugin, connect, server, tmp_path):
    """If the server rejects the plugin's credentials, the plugin runs again, and the request is sent again."""
    (tmp_path / "token").write_text("old")
    user = plugin(
        f"echo x >> {tmp_path}/runs; token=$(cat {tmp_path}/token); echo good > {tmp_path}/token; " + answer(token="TOKEN").replace("TOKEN", "'$token'")
    )
    client = Client(connect(user, server=server.url))

    assert client.request("GET", "/api/v1/namespaces/dev")[0] == 200
    assert list(client.lines("/api/v1/namespaces/dev", {}))
    assert ((tmp_path / "runs").read_text(), len(server.requests)) == ("x\nx\n", 3)


def test_credentials_that_stay_refused_end_the_run(plugin, connect, server, tmp_path):
    """A plugin that returns the rejected credentials again does not run forever."""
    client = Client(connect(plugin(f"echo x >> {tmp_path}/runs; {answer(token='bad')}"), server=server.url))
    with pytest.raises(TurnupError, match="the server rejected the credentials of context 'ctx' .401.; log in again"):
        client.request("GET", "/api/v1/namespaces/dev")

    assert ((tmp_path / "runs").read_text(), len(server.requests)) == ("x\nx\n", 1)


@pytest.fixture(name="shell")
def fixture_shell(tmp_path, server):
    """Returns a function that makes a shell with a kubeconfig of a user."""

    def shell(user: dict[str, Any]) -> Shell:
        (tmp_path / "T").mkdir()
        made = Shell(tmp_path, {**server.kubeconfig(), "users": [{"name": "tester", "user": user}]})
        made.environ["TMPDIR"] = str(tmp_path / "T")
        made.make(config_map("a", "dev"))
        return made

    return shell


def test_no_key_stays_in_the_temporary_folder(plugin, shell, tmp_path):
    """A run with a plugin that returns a certificate leaves no file."""
    made = shell(plugin(answer(token="good", clientCertificateData="CERT", clientKeyData="PRIVATE")))
    process = made.start("apply", stderr=subprocess.PIPE)

    assert "1 created" in process.communicate(timeout=60)[1]
    assert process.returncode == 0
    assert list((tmp_path / "T").iterdir()) == []


def test_words_reach_a_terminal_and_the_error(plugin, shell, tmp_path):
    """The user sees the plugin's stderr, also on a terminal, and the error repeats the end of it."""
    main, other = os.openpty()
    made = shell(plugin("echo 'run cloud login' >&2; exit 7", interactiveMode="IfAvailable"))
    process = made.start("apply", "--output=plain", stdin=other, stdout=other, stderr=other)
    os.close(other)
    said = b""
    try:
        while data := os.read(main, 4096):
            said += data
    except OSError:
        pass  # How a terminal says that its other side has gone.
    os.close(main)

    assert process.wait(60) == 1
    lines = said.decode().split("\r\n")
    assert lines[0] == "run cloud login"
    assert "failed with exit code 7: run cloud login); log in with your provider's tool." in lines[1]


@pytest.mark.parametrize(("mode", "code"), [("IfAvailable", 0), ("Always", 0), ("Never", 1)])
def test_questions_on_a_terminal(plugin, shell, tmp_path, mode, code):
    """A plugin may read from the terminal, unless the kubeconfig has interactiveMode Never."""
    main, other = os.openpty()
    made = shell(plugin("echo 'code?' >&2; read token || exit 3; " + answer(token="TOKEN").replace("TOKEN", "'$token'"), interactiveMode=mode))
    process = made.start("apply", stdin=other, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    os.close(other)
    os.write(main, b"good\n")
    said = process.communicate(timeout=60)[1]
    os.close(main)

    assert process.returncode == code, said
    assert said.startswith("code?\n")


def test_interrupt_ends_the_plugin(plugin, shell, tmp_path):
    """SIGINT while a plugin hangs ends the run and the plugin within 2 s."""
    process = shell(plugin(f"sleep 100 & echo $! > {tmp_path}/child; wait")).start("apply", stderr=subprocess.PIPE)
    deadline = time.monotonic() + 30
    while not (tmp_path / "child").exists() or not (tmp_path / "child").read_text():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    started = time.monotonic()
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=10)[1]

    assert (process.returncode, said) == (130, "ERROR: interrupted; run the same command again to continue.\n")
    assert time.monotonic() - started < 2
    assert is_gone(int((tmp_path / "child").read_text()))
